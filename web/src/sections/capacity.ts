// The search for the highest rate: every step that was tried, and the curve they make.
import uPlot from "uplot";
import { tick } from "../charts";
import { css, el, onRedraw, section } from "../dom";
import { ms, number, thousands } from "../figures";
import type { Run } from "../model";
import { table, type Cell } from "../table";

type Capacity = NonNullable<Run["capacity"]>;

function plot(host: HTMLElement, c: Capacity): uPlot {
  const steps = [...c.steps].sort((a, b) => a.rate_per_s - b.rate_per_s);
  const line = (label: string, colour: string): uPlot.Series => ({
    label, stroke: css(colour), width: 1.5, points: { show: true, size: 6, fill: css(colour) },
    value: (_u, v) => (v === null || v === undefined ? "" : `${ms(v)} ms`),
  });
  const axis = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, font: "11px system-ui, sans-serif" };
  const u = new uPlot({
    width: Math.max(host.clientWidth, 280), height: 260,
    scales: { x: { time: false }, y: { distr: 3, log: 10 } },
    axes: [
      { ...axis, size: 30, values: (_u, splits) => splits.map((v) => `${number(v, 0)}/s`) },
      { ...axis, size: 64, values: (_u, splits) => splits.map((v) => (v === null ? "" : tick(v))) },
    ],
    series: [{ label: "rate", value: (_u, v) => (v === null || v === undefined ? "" : `${number(v, 1)}/s`) },
      line("p50", "--q1"), line("p95", "--q2"), line("p99", "--q3"), line("max", "--q4")],
    hooks: { drawAxes: [(drawn) => {
      if (c.limit_per_s === null) return;
      const x = drawn.valToPos(c.limit_per_s, "x", true);
      drawn.ctx.save();
      drawn.ctx.strokeStyle = css("--bound");
      drawn.ctx.setLineDash([6, 4]);
      drawn.ctx.beginPath();
      drawn.ctx.moveTo(x, drawn.bbox.top);
      drawn.ctx.lineTo(x, drawn.bbox.top + drawn.bbox.height);
      drawn.ctx.stroke();
      drawn.ctx.restore();
    }] },
  }, [steps.map((s) => s.rate_per_s), ...(["p50_ms", "p95_ms", "p99_ms", "max_ms"] as const).map((key) => steps.map((s) => (s[key] > 0 ? s[key] : null)))] as uPlot.AlignedData, host);
  u.root.setAttribute("role", "img");
  u.root.setAttribute("aria-label", "Response times by rate. The figures are in the table below.");
  return u;
}

export function capacity(c: Capacity): HTMLElement {
  const host = el("div", { class: "plot" });
  let drawn: uPlot | null = null;
  onRedraw(() => {
    drawn?.destroy();
    drawn = c.steps.length > 1 ? plot(host, c) : null;
  });
  const count = (n: number, tone?: Cell["tone"]): Cell => ({ text: thousands(n), value: n, ...(n > 0 && tone ? { tone } : {}) });
  const time = (v: number): Cell => ({ text: ms(v), value: v });
  const figures = ["rate", "held", "requests", "ok", "429", "failed", "ok per s", "p50 ms", "p95 ms", "p99 ms", "max ms", "in flight"];
  return section(
    "capacity", "Capacity",
    el("p", { class: "headline-text" }, c.sentence),
    el("p", { class: "hint" }, c.bounds.join(" · ")),
    el("figure", { class: "chart" }, el("figcaption", {}, "Response time by rate", el("span", { class: "unit" }, "ms; dashed: the highest rate that held")), host),
    table("every rate that was tried, in order", [...figures.map((title) => ({ title })), { title: "why", text: true }],
      c.steps.map((s): Cell[] => [
        { text: `${number(s.rate_per_s, s.rate_per_s < 10 ? 2 : 0)}/s`, value: s.rate_per_s },
        { text: s.held ? "✔ yes" : "✘ no", value: s.held ? "yes" : "no", tone: s.held ? "ok" : "failed" },
        count(s.requests), count(s.ok), count(s.rate_limited, "rate-limited"), count(s.failed, "failed"),
        { text: number(s.ok_per_s, 1), value: s.ok_per_s },
        time(s.p50_ms), time(s.p95_ms), time(s.p99_ms), time(s.max_ms), count(s.in_flight),
        { text: s.sentence },
      ])),
  );
}

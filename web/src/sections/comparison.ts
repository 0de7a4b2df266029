// Two runs beside each other: A before, B after; every figure with its difference and whether that is noise.
import type uPlot from "uplot";
import { chart, type Line } from "../charts";
import { el, onRedraw, section, svg, type Child } from "../dom";
import { ms, number, percent } from "../figures";
import type { Comparison, Difference, Run, Scenario, Stats } from "../model";
import { percentilePlot } from "../percentiles";
import { table, type Cell } from "../table";

const TONE: Record<string, Cell["tone"]> = {
  regression: "failed", "worse, within tolerance": "rate-limited", differs: "rate-limited", better: "ok",
  "within noise": "muted", "too few samples": "muted",
};
const ORDER = ["regression", "worse, within tolerance", "differs", "better", "within noise", "too few samples"];

function amount(d: Difference, value: number): string {
  if (d.unit === "ms") return `${ms(value)} ms`;
  return d.unit === "share" ? percent(value) : `${number(value, 1)}/s`;
}

function signed(d: Difference, value: number): string {
  return `${value < 0 ? "−" : "+"}${amount(d, Math.abs(value))}`;
}

// The interval of the difference on an axis of its row: 0 is the notch.
function bar(d: Difference): Child {
  if (d.low === null || d.high === null || d.a === null || d.b === null) return null;
  const reach = Math.max(Math.abs(d.low), Math.abs(d.high)) * 1.1 || 1;
  const x = (v: number) => 50 + (v / reach) * 48;
  const found = d.finding === "regression" ? "fill failed" : d.finding === "better" ? "fill ok" : "fill";
  return svg(
    "svg", { class: "bar", width: 100, height: 12, "aria-hidden": "true" },
    svg("rect", { class: "track", x: 0, y: 5, width: 100, height: 2 }),
    svg("rect", { class: found, x: x(d.low), y: 4, width: Math.max(1, x(d.high) - x(d.low)), height: 4 }),
    svg("line", { class: "notch", x1: 50, x2: 50, y1: 0, y2: 12 }),
  );
}

function rows(differences: Difference[]): Cell[][] {
  return differences.map((d): Cell[] => {
    const by = d.a === null || d.b === null ? null : d.b - d.a;
    return [
      { text: d.task, value: d.task }, { text: d.figure, value: d.figure },
      { text: d.a === null ? "–" : amount(d, d.a), value: d.a }, { text: d.b === null ? "–" : amount(d, d.b), value: d.b },
      { text: by === null ? "–" : signed(d, by), value: by },
      { text: by === null || d.unit === "share" || !d.a ? "" : `${by < 0 ? "−" : "+"}${percent(Math.abs(by / d.a), 1)}`, value: by === null || !d.a ? null : by / d.a },
      { text: d.low === null || d.high === null ? "–" : `${signed(d, d.low)} … ${signed(d, d.high)}`, value: d.low === null || d.high === null ? null : d.high - d.low },
      { text: "", node: bar(d) },
      { text: `${d.finding === "regression" ? "✘ " : ""}${d.finding}`, value: ORDER.indexOf(d.finding), tone: TONE[d.finding] },
    ];
  });
}

function over(a: Scenario, b: Scenario): HTMLElement[] {
  const length = Math.max(a.series.length, b.series.length);
  if (length === 0) return [];
  const seconds = Array.from({ length }, (_v, i) => i);
  const line = (s: Scenario, label: string, colour: string, value: (i: number) => number | null): Line => ({
    label, colour, values: seconds.map((i) => (i < s.series.length ? value(i) : null)), ...(s === a ? { dash: [5, 4] } : {}),
  });
  const both = (label: string, colour: string, value: (s: Scenario, i: number) => number | null): Line[] => [
    line(a, `A ${label}`, colour, (i) => value(a, i)), line(b, `B ${label}`, colour, (i) => value(b, i)),
  ];
  const time = (key: "p50_ms" | "p95_ms" | "p99_ms") => (s: Scenario, i: number) => s.series[i]?.[key] || null;
  const outcome = (names: string[]) => (s: Scenario, i: number) => names.reduce((sum, n) => sum + (s.series[i]?.outcomes[n] ?? 0), 0);
  const bad = Object.keys(a.totals.outcomes).filter((n) => !["ok", "rate_limited", "unsent"].includes(n));
  return [
    chart({
      title: "Rate and outcomes", unit: "requests per second; A dashed, B solid", seconds, format: (v) => number(v, 0),
      lines: [...both("ok", "--ok", outcome(["ok"])), ...both("rate limited (429)", "--rate-limited", outcome(["rate_limited"])), ...both("failed", "--failed", outcome(bad))],
    }),
    chart({
      title: "Response time", unit: "ms from the intended start; A dashed, B solid", seconds, logarithmic: true, format: ms,
      lines: [...both("p50", "--q1", time("p50_ms")), ...both("p95", "--q2", time("p95_ms")), ...both("p99", "--q4", time("p99_ms"))],
    }),
  ];
}

function curves(a: Stats, b: Stats, host: HTMLElement): uPlot {
  return percentilePlot(host, [
    { label: "A response", colour: "--q1", dash: [5, 4], histogram: a.histograms.response_time },
    { label: "B response", colour: "--q3", histogram: b.histograms.response_time },
  ], [2, 1], "Percentile curves of both runs' response times in ms. The figures are in the table of differences.");
}

export function compared(c: Comparison, a: Run, b: Run): HTMLElement[] {
  return c.scenarios.map((s, i) => {
    const inA = a.scenarios[s.a]!, inB = b.scenarios[s.b]!;
    const host = el("div", { class: "plot" });
    let drawn: uPlot | null = null;
    onRedraw(() => {
      drawn?.destroy();
      drawn = inA.totals.response_time_ms.count > 0 && inB.totals.response_time_ms.count > 0 ? curves(inA.totals, inB.totals, host) : null;
    });
    const heads = ["A", "B", "B − A", "in %", "interval"].map((title) => ({ title }));
    return el("article", { id: `s${i}` },
      el("h2", { class: "name" }, s.name),
      s.notes.length === 0 ? null : el("ul", { class: "notes" }, ...s.notes.map((n) => el("li", {}, n))),
      section(`s${i}-differences`, "Differences", table("figures of both runs; response times in ms from the intended start",
        [{ title: "task", text: true }, { title: "figure", text: true }, ...heads, { title: "", text: true }, { title: "finding", text: true }], rows(s.differences))),
      section(`s${i}-over`, "Over time", ...over(inA, inB)),
      section(`s${i}-latency`, "Latency distribution", el("figure", { class: "chart" },
        el("figcaption", {}, "Percentiles", el("span", { class: "unit" }, "ms at or below which that share of the requests ended; A dashed, B solid, shaded between them")), host)));
  });
}

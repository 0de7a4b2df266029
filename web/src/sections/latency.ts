// The whole distribution: percentile curves to 99.99 of response and service time, and what lies between them.
import uPlot from "uplot";
import { tick } from "../charts";
import { el, onRedraw, section, css } from "../dom";
import { ms } from "../figures";
import { curve, samples, type CurvePoint } from "../histogram";
import type { Scenario, Stats } from "../model";

// How far out: nines, so that every further nine has the same width.
export const nines = (below: number) => -Math.log10(1 - below);
export const TICKS: [number, string][] = [[0, "0"], [0.5, "50"], [0.9, "90"], [0.99, "99"], [0.999, "99.9"], [0.9999, "99.99"]];
export const STEPS = 400;

// The curve at evenly spaced nines up to what the samples can tell, at most 99.99 %.
export function sampled(points: CurvePoint[], xs: number[]): (number | null)[] {
  if (points.length === 0) return xs.map(() => null);
  let i = 0;
  return xs.map((x) => {
    const below = 1 - 10 ** -x;
    while (i < points.length - 1 && (points[i]?.below ?? 1) < below) i += 1;
    return points[i]?.ms ?? null;
  });
}

function plot(host: HTMLElement, stats: Stats): uPlot {
  const n = samples(stats.histograms.response_time);
  const most = Math.min(4, Math.max(nines(0.5), Math.log10(Math.max(2, n))));
  const xs = Array.from({ length: STEPS + 1 }, (_v, i) => (i / STEPS) * most);
  const response = sampled(curve(stats.histograms.response_time), xs);
  const service = sampled(curve(stats.histograms.service_time), xs);
  const line = (label: string, colour: string, dash?: number[]): uPlot.Series => ({
    label, stroke: css(colour), width: 2, ...(dash ? { dash } : {}), points: { show: false },
    value: (_u, v) => (v === null || v === undefined ? "–" : `${ms(v)} ms`),
  });
  const u = new uPlot({
    width: Math.max(host.clientWidth, 280), height: 280,
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false }, y: { distr: 3, log: 10 } },
    axes: [
      { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, size: 30, font: "11px system-ui, sans-serif",
        splits: () => TICKS.map(([q]) => nines(q)).filter((x) => x <= most + 1e-9),
        values: (_u, splits) => splits.map((x) => `${TICKS.find(([q]) => Math.abs(nines(q) - x) < 1e-9)?.[1] ?? ""} %`) },
      { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, size: 64, font: "11px system-ui, sans-serif",
        values: (_u, splits) => splits.map((v) => (v === null ? "" : tick(v))) },
    ],
    series: [
      { label: "percentile", value: (_u, x) => (x === null || x === undefined ? "" : `${(100 * (1 - 10 ** -x)).toFixed(x > 2 ? 2 : 1)} %`) },
      line("response, from the intended start", "--q3"), line("service, from the send", "--q1", [6, 4]),
    ],
    bands: [{ series: [1, 2], fill: css("--felt") }],
  }, [xs, response, service] as uPlot.AlignedData, host);
  u.root.setAttribute("role", "img");
  u.root.setAttribute("aria-label", "Percentile curves of response and service time in ms. The figures are in the table of tasks.");
  return u;
}

export function latency(s: Scenario, prefix: string): HTMLElement {
  const choices: [string, Stats][] = [["all", s.totals], ...Object.entries(s.tasks)];
  const host = el("div", { class: "plot" });
  let chosen: Stats = s.totals;
  let drawn: uPlot | null = null;
  const redraw = () => {
    drawn?.destroy();
    drawn = null;
    host.replaceChildren();
    if (chosen.response_time_ms.count > 0) drawn = plot(host, chosen);
    else host.append(el("p", { class: "empty" }, "No response time was measured."));
  };
  const select = el("select", {
    id: `${prefix}latency-task`,
    change: (event) => {
      chosen = choices[(event.target as HTMLSelectElement).selectedIndex]?.[1] ?? s.totals;
      redraw();
    },
  }, ...choices.map(([name]) => el("option", {}, name)));
  const element = section(
    `${prefix}latency`, "Latency distribution",
    el("p", { class: "controls" }, el("label", { for: `${prefix}latency-task` }, "task "), select),
    el("figure", { class: "chart" },
      el("figcaption", {}, "Percentiles", el("span", { class: "unit" }, "ms at or below which that share of the requests ended; shaded: the waiting a user felt before the send")),
      host),
  );
  onRedraw(redraw);
  return element;
}

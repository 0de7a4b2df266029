// Percentile curves to 99.99 %, logarithmic in what is above: every further nine has the same width.
import uPlot from "uplot";
import { tick } from "./charts";
import { css } from "./dom";
import { ms } from "./figures";
import { curve, samples } from "./histogram";
import type { HistogramData } from "./model";

const nines = (below: number) => -Math.log10(1 - below);
const TICKS: [number, string][] = [[0, "0"], [0.5, "50"], [0.9, "90"], [0.99, "99"], [0.999, "99.9"], [0.9999, "99.99"]];
const STEPS = 400;

export interface Curve {
  label: string;
  colour: string; // name of a CSS variable
  dash?: number[];
  histogram: HistogramData;
}

// The curve at evenly spaced nines.
function sampled(histogram: HistogramData, xs: number[]): (number | null)[] {
  const points = curve(histogram);
  if (points.length === 0) return xs.map(() => null);
  let i = 0;
  return xs.map((x) => {
    const below = 1 - 10 ** -x;
    while (i < points.length - 1 && (points[i]?.below ?? 1) < below) i += 1;
    return points[i]?.ms ?? null;
  });
}

// Up to what the samples can tell. The band between the first two curves is shaded: [upper, lower] by number from 1.
export function percentilePlot(host: HTMLElement, curves: Curve[], band: [number, number], label: string): uPlot {
  const most = Math.min(4, Math.max(nines(0.5), Math.log10(Math.max(2, ...curves.map((c) => samples(c.histogram))))));
  const xs = Array.from({ length: STEPS + 1 }, (_v, i) => (i / STEPS) * most);
  const axis = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, font: "11px system-ui, sans-serif" };
  const plot = new uPlot({
    width: Math.max(host.clientWidth, 280), height: 280,
    cursor: { drag: { x: true, y: false } },
    legend: { markers: { width: 0, fill: (_u, i) => css(curves[i - 1]?.colour ?? "--text") } },
    scales: { x: { time: false }, y: { distr: 3, log: 10 } },
    axes: [
      { ...axis, size: 30, splits: () => TICKS.map(([q]) => nines(q)).filter((x) => x <= most + 1e-9),
        values: (_u, splits) => splits.map((x) => `${TICKS.find(([q]) => Math.abs(nines(q) - x) < 1e-9)?.[1] ?? ""} %`) },
      { ...axis, size: 64, values: (_u, splits) => splits.map((v) => (v === null ? "" : tick(v))) },
    ],
    series: [
      { label: "percentile", value: (_u, x) => (x === null || x === undefined ? "" : `${(100 * (1 - 10 ** -x)).toFixed(x > 2 ? 2 : 1)} %`) },
      ...curves.map((c): uPlot.Series => ({
        label: c.label, stroke: css(c.colour), width: 2, ...(c.dash ? { dash: c.dash } : {}), points: { show: false },
        value: (_u, v) => (v === null || v === undefined ? "" : `${ms(v)} ms`),
      })),
    ],
    bands: [{ series: band, fill: css("--felt") }],
  }, [xs, ...curves.map((c) => sampled(c.histogram, xs))] as uPlot.AlignedData, host);
  plot.root.setAttribute("role", "img");
  plot.root.setAttribute("aria-label", label);
  return plot;
}

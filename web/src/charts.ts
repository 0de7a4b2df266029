// Charts over the time of the run: one cursor and one zoom for all of them (uPlot).
import uPlot from "uplot";
import { css, el } from "./dom";
import { clock } from "./figures";

export interface Line {
  label: string;
  colour: string; // name of a CSS variable
  values: (number | null)[];
  fill?: boolean;
  dash?: number[];
  points?: boolean; // marks without a line
  width?: number;
  scale?: string;
  show?: boolean;
  text?: (value: number | null, index: number) => string; // in the legend
}

// A labelled horizontal: a bound, a limit.
export interface Bound {
  label: string;
  value: number;
  scale?: string;
}

// A labelled vertical, or a span: what happened in the run.
export interface Mark {
  label: string;
  at: number;
  until?: number | null;
  colour: string;
}

export interface ChartOptions {
  title: string;
  seconds: number[];
  lines: Line[];
  bounds?: Bound[];
  marks?: Mark[];
  logarithmic?: boolean;
  unit: string;
  height?: number;
  format: (value: number) => string;
  sync?: string;
}

const drawn: { plot: uPlot; host: HTMLElement; options: ChartOptions }[] = [];

function drawMarks(u: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  let row = 0;
  let free = -Infinity;
  for (const mark of marks) {
    const x = u.valToPos(mark.at, "x", true);
    const colour = css(mark.colour);
    if (mark.until !== undefined && mark.until !== null) {
      ctx.globalAlpha = 0.12;
      ctx.fillStyle = colour;
      ctx.fillRect(x, bbox.top, u.valToPos(mark.until, "x", true) - x, bbox.height);
      ctx.globalAlpha = 1;
    }
    ctx.strokeStyle = colour;
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (mark.label === "") continue;
    // Labels that would lie on each other go a line lower.
    row = x < free ? (row + 1) % 4 : 0;
    ctx.fillStyle = colour;
    ctx.fillText(mark.label, x + 4 * ratio, bbox.top + (3 + row * 13) * ratio);
    free = Math.max(row === 0 ? -Infinity : free, x + ctx.measureText(mark.label).width + 10 * ratio);
  }
  ctx.restore();
}

function drawBounds(u: uPlot, bounds: Bound[]): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  for (const bound of bounds) {
    const y = u.valToPos(bound.value, bound.scale ?? "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = css("--bound");
    ctx.fillStyle = css("--bound");
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.textAlign = "right";
    ctx.fillText(bound.label, bbox.left + bbox.width - 4 * ratio, y - 4 * ratio);
  }
  ctx.restore();
}

function axis(format: (value: number) => string, side?: number): uPlot.Axis {
  return {
    stroke: css("--muted"),
    grid: { stroke: css("--grid"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
    size: 64,
    ...(side === undefined ? {} : { side, grid: { show: false } }),
    values: (_u, splits) => splits.map((v) => (v === null ? "" : format(v))),
  };
}

function series(line: Line, format: (value: number) => string): uPlot.Series {
  const colour = css(line.colour);
  return {
    label: line.label,
    stroke: colour,
    width: line.points ? 0 : (line.width ?? 1.5),
    ...(line.fill ? { fill: colour, paths: uPlot.paths.stepped!({ align: 1 }), width: 0 } : {}),
    ...(line.dash ? { dash: line.dash } : {}),
    scale: line.scale ?? "y",
    show: line.show ?? true,
    points: { show: line.points ?? false, size: 7, fill: colour, stroke: colour },
    spanGaps: false,
    value: (_u, value, _s, index) => {
      if (index === null || index === undefined) return "";
      if (line.text) return line.text(line.values[index] ?? null, index);
      return value === null || value === undefined ? "–" : format(value);
    },
  };
}

function make(host: HTMLElement, o: ChartOptions): uPlot {
  const plot = new uPlot(
    {
      width: Math.max(host.clientWidth, 280),
      height: o.height ?? 220,
      legend: { live: true },
      cursor: { sync: { key: o.sync ?? "run", scales: ["x", null] }, drag: { x: true, y: false }, focus: { prox: 24 } },
      scales: {
        x: { time: false },
        y: o.logarithmic ? { distr: 3, log: 10 } : { range: (_u, _min, max) => [0, Math.max(max ?? 0, ...(o.bounds ?? []).map((b) => (b.value < 4 * (max ?? 0) ? b.value : 0)), 1e-9) * 1.08] },
      },
      axes: [{ ...axis(clock), size: 30 }, axis(o.format)],
      series: [{ label: "time", value: (_u, v) => (v === null || v === undefined ? "" : clock(v)) }, ...o.lines.map((l) => series(l, o.format))],
      hooks: {
        drawAxes: [(u) => drawMarks(u, o.marks ?? [])],
        draw: [(u) => drawBounds(u, o.bounds ?? [])],
      },
    },
    [o.seconds, ...o.lines.map((l) => l.values)] as uPlot.AlignedData,
    host,
  );
  plot.root.setAttribute("role", "img");
  plot.root.setAttribute("aria-label", `${o.title}, ${o.unit}. The figures are in the tables of this page.`);
  return plot;
}

export function chart(options: ChartOptions): HTMLElement {
  const host = el("div", { class: "plot" });
  const figure = el("figure", { class: "chart" }, el("figcaption", {}, options.title, el("span", { class: "unit" }, options.unit)), host);
  // uPlot measures: it is drawn once the host has its width.
  requestAnimationFrame(() => drawn.push({ plot: make(host, options), host, options }));
  return figure;
}

// After the theme or the paper changed: colours are read anew.
export function redrawAll(): void {
  for (const one of drawn) {
    one.plot.destroy();
    one.plot = make(one.host, one.options);
  }
}

export function resizeAll(): void {
  for (const { plot, host } of drawn) {
    const width = Math.max(host.clientWidth, 280);
    if (Math.abs(width - plot.width) > 1) plot.setSize({ width, height: plot.height });
  }
}

// Values stacked from the first up, each as the top of its area.
export function stacked(layers: number[][]): number[][] {
  const tops: number[][] = [];
  layers.forEach((layer, i) => tops.push(layer.map((v, k) => v + (tops[i - 1]?.[k] ?? 0))));
  return tops;
}

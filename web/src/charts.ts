// Charts over the time of the run: one cursor and one zoom for all of them (uPlot).
import uPlot from "uplot";
import { css, el, onRedraw } from "./dom";
import { clock, number } from "./figures";

export interface Line {
  label: string;
  colour: string; // name of a CSS variable
  values: (number | null)[];
  fill?: boolean; // an area in steps
  steps?: boolean; // constant through each second
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
  least?: number; // what the vertical axis shows at least (1)
  range?: [number, number]; // of the vertical axis
  paint?: (u: uPlot) => void; // under the lines
  unit: string;
  height?: number;
  format: (value: number) => string;
  sync?: string;
}

function drawMarks(u: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
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
    const width = ctx.measureText(mark.label).width;
    const top = bbox.top + (3 + row * 14) * ratio;
    ctx.globalAlpha = 0.85;
    ctx.fillStyle = css("--card");
    ctx.fillRect(x + 2 * ratio, top - ratio, width + 4 * ratio, 13 * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour;
    ctx.fillText(mark.label, x + 4 * ratio, top);
    free = Math.max(row === 0 ? -Infinity : free, x + width + 10 * ratio);
  }
  ctx.restore();
}

function drawBounds(u: uPlot, bounds: Bound[]): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  // From the top down; a label goes below its line where another stands above it already, or aside.
  const placed = bounds.map((bound) => ({ bound, y: u.valToPos(bound.value, bound.scale ?? "y", true) })).sort((a, b) => a.y - b.y);
  let taken = -Infinity;
  let right = bbox.left + bbox.width - 4 * ratio;
  for (const { bound, y } of placed) {
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    if (y - taken < 14 * ratio) right -= 12 * ratio;
    else right = bbox.left + bbox.width - 4 * ratio;
    taken = y;
    ctx.strokeStyle = css("--bound");
    ctx.fillStyle = css("--bound");
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(bound.label, right, y - 2 * ratio);
    right -= ctx.measureText(bound.label).width;
  }
  ctx.restore();
}

// A power of ten on a logarithmic axis.
export function tick(value: number): string {
  return value >= 1 ? number(value, 0) : String(Number(value.toPrecision(1)));
}

// Steps of the time axis.
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

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

function alone(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i += 1)
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  return found;
}

function series(line: Line, format: (value: number) => string, count: number): uPlot.Series {
  const colour = css(line.colour);
  return {
    label: line.label,
    stroke: colour,
    width: line.points ? 0 : (line.width ?? 1.5),
    ...(line.steps || line.fill ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
    ...(line.fill ? { fill: colour, width: 0 } : {}),
    ...(line.dash ? { dash: line.dash } : {}),
    scale: line.scale ?? "y",
    show: line.show ?? true,
    // A value between two gaps has no line: a point.
    points: {
      show: !line.fill, size: line.points ? 7 : 5, fill: colour, stroke: colour,
      ...(line.points ? {} : { filter: (u: uPlot, i: number) => alone(u.data[i] ?? []) }),
    },
    spanGaps: false,
    value: (_u, value, _s, at) => {
      if (at === null || at === undefined) return "";
      const index = Math.min(at, count - 1);
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
      legend: { live: true, markers: { width: 0, fill: (_u, i) => css(o.lines[i - 1]?.colour ?? "--text") } },
      cursor: { sync: { key: o.sync ?? "run", scales: ["x", null] }, drag: { x: true, y: false }, focus: { prox: 24 } },
      scales: {
        x: { time: false },
        y: o.logarithmic ? { distr: 3, log: 10, ...(o.range ? { range: o.range } : {}) } : { range: (_u, _min, max) => [0, Math.max(max ?? 0, ...(o.bounds ?? []).map((b) => (b.value < 4 * (max ?? 0) ? b.value : 0)), o.least ?? 1) * 1.08] },
      },
      axes: [{ ...axis(clock), size: 30, incrs: SECONDS }, axis(o.logarithmic ? tick : o.format)],
      series: [{ label: "time", value: (_u, v) => (v === null || v === undefined ? "" : clock(v)) }, ...o.lines.map((l) => series(l, o.format, o.seconds.length))],
      hooks: {
        drawAxes: [(u) => o.paint?.(u)],
        draw: [(u) => { drawMarks(u, o.marks ?? []); drawBounds(u, o.bounds ?? []); }],
      },
    },
    // One more: the end of the last second, to which steps reach.
    [[...o.seconds, (o.seconds.at(-1) ?? 0) + 1], ...o.lines.map((l) => [...l.values, l.fill || l.steps ? (l.values.at(-1) ?? null) : null])] as uPlot.AlignedData,
    host,
  );
  plot.root.setAttribute("role", "img");
  plot.root.setAttribute("aria-label", `${o.title}, ${o.unit}. The figures are in the tables of this page.`);
  return plot;
}

export function chart(options: ChartOptions): HTMLElement {
  const host = el("div", { class: "plot" });
  const figure = el("figure", { class: "chart" }, el("figcaption", {}, options.title, el("span", { class: "unit" }, options.unit)), host);
  if (!options.paint && options.lines.every((line) => line.values.every((value) => value === null))) {
    host.append(el("p", { class: "empty" }, "Nothing was measured."));
    return figure;
  }
  let drawn: uPlot | null = null;
  onRedraw(() => {
    drawn?.destroy();
    drawn = make(host, options);
  });
  return figure;
}

// Values stacked from the first up, each as the top of its area.
export function stacked(layers: number[][]): number[][] {
  const tops: number[][] = [];
  layers.forEach((layer, i) => tops.push(layer.map((v, k) => v + (tops[i - 1]?.[k] ?? 0))));
  return tops;
}

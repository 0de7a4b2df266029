// Time × response time: how many requests ended in each second with each latency, the darker the more.
import type uPlot from "uplot";
import { chart } from "../charts";
import { css, el } from "../dom";
import { ms, thousands } from "../figures";
import type { Point } from "../model";

const PER_DECADE = 12;
const COLUMNS = 300; // more seconds than that share a column

interface Column {
  from: number;
  until: number;
  rows: Map<number, number>; // row → requests
}

// The metrics file rounds times as Locust does: to 1 ms, from 100 ms to 10, from 1,000 to 100. Whole rows of a
// logarithmic axis hide the steps; what is rounded to 0 stands in the row below 1 ms.
const row = (time: number) => (time < 1 ? -1 : Math.floor(Math.log10(time) * PER_DECADE + 1e-9));
const low = (r: number) => 10 ** (r / PER_DECADE);

function columns(series: Point[]): Column[] {
  const width = Math.ceil(series.length / COLUMNS);
  const out: Column[] = [];
  series.forEach((p, i) => {
    if (i % width === 0) out.push({ from: p.second, until: p.second + 1, rows: new Map() });
    const column = out[out.length - 1]!;
    column.until = p.second + 1;
    for (const [time, n] of Object.entries(p.rounded_times)) {
      const r = row(Number(time));
      column.rows.set(r, (column.rows.get(r) ?? 0) + n);
    }
  });
  return out;
}

// A cell of one request must still be seen beside one of ten thousand.
const shade = (n: number, most: number) => 0.15 + (0.85 * Math.log(n)) / Math.max(Math.log(most), 1e-9);

export function heatmap(series: Point[], seconds: number[]): HTMLElement | null {
  const cells = columns(series);
  const rows = cells.flatMap((c) => [...c.rows.keys()]);
  if (rows.length === 0) return null;
  let lowest = Infinity, highest = -Infinity, most = 1;
  for (const r of rows) { lowest = Math.min(lowest, r); highest = Math.max(highest, r); }
  for (const c of cells) for (const n of c.rows.values()) most = Math.max(most, n);
  const paint = (u: uPlot) => {
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.fillStyle = css("--q3");
    for (const c of cells) {
      const x = u.valToPos(c.from, "x", true);
      const width = Math.max(1, u.valToPos(c.until, "x", true) - x);
      if (x + width < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
      for (const [r, n] of c.rows) {
        const top = u.valToPos(low(r + 1), "y", true);
        ctx.globalAlpha = most === 1 ? 0.7 : shade(n, most);
        ctx.fillRect(x, top, width, u.valToPos(low(r), "y", true) - top);
      }
    }
    ctx.restore();
  };
  const at = (second: number) => cells.find((c) => second >= c.from && second < c.until);
  const element = chart({
    title: "Response times, second by second",
    unit: `ms; the darker the more requests, at most ${thousands(most)} in a cell`,
    seconds, height: 200, logarithmic: true,
    range: [low(lowest), low(highest + 1)],
    lines: [{
      label: "most between", colour: "--q3", values: seconds.map(() => null),
      text: (_v, i) => {
        const found = [...(at(seconds[i] ?? -1)?.rows ?? [])].sort((a, b) => b[1] - a[1])[0];
        return found ? `${found[0] < 0 ? "0" : ms(low(found[0]))} and ${ms(low(found[0] + 1))} ms: ${thousands(found[1])}` : "–";
      },
    }],
    paint, format: ms,
  });
  return el("div", { class: "heatmap" }, element);
}

// The whole distribution: percentile curves to 99.99 of response and service time, and what lies between them.
import type uPlot from "uplot";
import { el, onRedraw, section } from "../dom";
import type { Scenario, Stats } from "../model";
import { percentilePlot } from "../percentiles";

function plot(host: HTMLElement, stats: Stats): uPlot {
  return percentilePlot(host, [
    { label: "response, from the intended start", colour: "--q3", histogram: stats.histograms.response_time },
    { label: "service, from the send", colour: "--q1", dash: [6, 4], histogram: stats.histograms.service_time },
  ], [1, 2], "Percentile curves of response and service time in ms. The figures are in the table of tasks.");
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

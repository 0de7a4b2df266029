// Tasks, iterations, providers, failures: what was counted, in tables.
import { el, section, svg } from "../dom";
import { bytes, clock, msOrNone, number, percent, thousands } from "../figures";
import type { Scenario, Stats, Summary } from "../model";
import { table, type Cell, type Column } from "../table";

const QUANTILES: [keyof Summary, string][] = [
  ["p50", "p50"], ["p75", "p75"], ["p90", "p90"], ["p95", "p95"], ["p99", "p99"], ["p99_9", "p99.9"], ["max", "max"],
];

function times(summary: Summary): Cell[] {
  return QUANTILES.map(([key]) => ({
    text: msOrNone(summary[key], summary.count),
    value: summary.count === 0 ? null : summary[key],
  }));
}

function counted(n: number, tone?: Cell["tone"]): Cell {
  return { text: thousands(n), value: n, ...(n > 0 && tone ? { tone } : {}) };
}

function statsRow(name: Cell, s: Stats): Cell[] {
  return [
    name,
    counted(s.requests),
    counted(s.ok),
    counted(s.rate_limited, "rate-limited"),
    counted(s.failed, "failed"),
    { text: s.requests === 0 ? "–" : percent(s.success_rate), value: s.requests === 0 ? null : s.success_rate },
    { text: number(s.throughput_per_s, 1), value: s.throughput_per_s },
    { text: msOrNone(s.response_time_ms.mean, s.response_time_ms.count), value: s.response_time_ms.count ? s.response_time_ms.mean : null },
    ...times(s.response_time_ms),
    { text: bytes(s.bytes_received), value: s.bytes_received },
  ];
}

export function tasks(s: Scenario, prefix: string): HTMLElement {
  const columns: Column[] = [
    { title: "task", text: true }, { title: "requests" }, { title: "ok" }, { title: "429" }, { title: "failed" },
    { title: "success" }, { title: "per s", hint: "completed responses per second" }, { title: "mean" },
    ...QUANTILES.map(([, title]) => ({ title, hint: "response time from the intended start, ms" })), { title: "received" },
  ];
  const rows = Object.entries(s.tasks).map(([name, t]) =>
    statsRow({ text: name, value: name, node: el("small", {}, ` ${t.method} ${t.entry_name}`) }, t));
  const iterations = Object.entries(s.iterations);
  return section(
    `${prefix}tasks`, "Tasks",
    table("requests by task; response times in ms from the intended start", columns, rows, [statsRow({ text: "all", value: "all" }, s.totals)]),
    iterations.length === 0 ? null : table(
      "whole iterations of tasks with several steps; times in ms",
      [{ title: "task", text: true }, { title: "started" }, { title: "ok" }, { title: "failed" }, { title: "cut off" },
       ...QUANTILES.map(([, title]) => ({ title })), { title: "why failed", text: true }],
      iterations.map(([name, it]): Cell[] => [
        { text: name, value: name }, counted(it.started), counted(it.ok), counted(it.failed, "failed"), counted(it.cut_off),
        ...times(it.iteration_time_ms),
        { text: it.reasons.map((r) => `${thousands(r.count)} ${r.reason}`).join("; ") },
      ]),
    ),
  );
}

function spark(values: number[], limit: number, colour: string): SVGElement {
  const width = 120, height = 22;
  const top = Math.max(limit, ...values, 1);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map((v, i) => `${(i * step).toFixed(1)},${(height - 1 - (v / top) * (height - 2)).toFixed(1)}`).join(" ");
  const line = svg("polyline", { points, fill: "none", stroke: `var(${colour})`, "stroke-width": 1.5 });
  const y = (height - 1 - (limit / top) * (height - 2)).toFixed(1);
  const bound = limit > 0 ? [svg("line", { x1: 0, x2: width, y1: y, y2: y, class: "limit" })] : [];
  return svg("svg", { class: "spark", width, height, "aria-hidden": "true" }, ...bound, line);
}

export function providers(s: Scenario, prefix: string): HTMLElement | null {
  const all = Object.entries(s.providers);
  if (all.length === 0) return null;
  const shown = s.provider_columns;
  const columns: Column[] = [
    { title: "provider", text: true }, { title: "calls" }, { title: "share" }, { title: "ok" },
    ...(shown.responses_429 ? [{ title: "429" }] : []), { title: "failed" },
    { title: "mean ms" }, { title: "p95 ms" }, { title: "max ms" },
    ...(shown.rpm ? [{ title: "rpm peak", hint: "most calls in any minute" }, { title: "rpm limit" }, { title: "rpm over time", text: true }] : []),
    ...(shown.fallback ? [{ title: "as fallback" }, { title: "why fallback", text: true }] : []),
    { title: "source", text: true, hint: "where the counts come from" },
  ];
  const rows = all.map(([name, p], i): Cell[] => {
    const none = p.time_ms.count === 0;
    const time = (v: number): Cell => ({ text: msOrNone(v, p.time_ms.count), value: none ? null : v });
    const reasons = Object.entries(p.responses.fallback_reasons).map(([why, n]) => `${why} ${thousands(n)}`).join(", ");
    return [
      { text: name, value: name }, counted(p.calls), { text: percent(p.share, 0), value: p.share }, counted(p.ok),
      ...(shown.responses_429 ? [counted(p.responses_429, "rate-limited")] : []), counted(p.failed, "failed"),
      time(p.time_ms.mean), time(p.time_ms.p95), time(p.time_ms.max),
      ...(shown.rpm ? [
        counted(p.peak_per_minute),
        { text: p.limit_per_minute === 0 ? "not reported" : thousands(p.limit_per_minute), value: p.limit_per_minute || null },
        { text: "", node: spark(p.series.map((point) => point[5]), p.limit_per_minute, `--p${(i % 6) + 1}`) } as Cell,
      ] : []),
      ...(shown.fallback ? [counted(p.served_as_fallback), { text: reasons } as Cell] : []),
      { text: p.source, value: p.source },
    ];
  });
  return section(`${prefix}providers`, "Providers", table("calls by provider", columns, rows));
}

export function failures(s: Scenario, prefix: string): HTMLElement | null {
  if (s.failures.length === 0) return null;
  const columns: Column[] = [
    { title: "count" }, { title: "task", text: true }, { title: "outcome", text: true }, { title: "message", text: true },
    { title: "first" }, { title: "last" }, { title: "status" }, { title: "example", text: true },
  ];
  const rows = s.failures.map((f): Cell[] => [
    { text: thousands(f.count), value: f.count }, { text: f.task, value: f.task },
    { text: f.outcome, value: f.outcome, tone: "failed" }, { text: f.message, value: f.message },
    { text: clock(f.first_at_s), value: f.first_at_s }, { text: clock(f.last_at_s), value: f.last_at_s },
    { text: f.status === 0 ? "–" : String(f.status), value: f.status || null },
    f.example === "" ? { text: "" } : { text: "", node: el("details", {}, el("summary", {}, "show"), el("pre", {}, f.example)) },
  ]);
  return section(`${prefix}failures`, "Failures", table("failures by task, outcome and message", columns, rows));
}

export function delivered(s: Scenario, prefix: string): HTMLElement {
  const a = s.audit;
  const row = (what: string, text: string, value: number | null = null): Cell[] => [{ text: what }, { text, value }];
  const ms = (v: number) => `${msOrNone(v, 1)} ms`;
  const rows = [
    row("scheduled", thousands(a.scheduled), a.scheduled),
    row("sent", thousands(a.sent), a.sent),
    row("never sent", thousands(a.unsent), a.unsent),
    row("of these while a slot was free", thousands(a.unsent_while_free), a.unsent_while_free),
    row("planned rate", `${number(a.planned_rate_per_s, 2)}/s`, a.planned_rate_per_s),
    row("delivered rate", `${number(a.delivered_rate_per_s, 2)}/s`, a.delivered_rate_per_s),
    row("rate error", percent(a.rate_error), a.rate_error),
    row("generator lag p50, p99, max", [a.generator_lag_p50_ms, a.generator_lag_p99_ms, a.generator_lag_max_ms].map(ms).join(", "), a.generator_lag_p99_ms),
    row("its budget (p99)", ms(a.lag_budget_ms), a.lag_budget_ms),
    row("blocked by the target p50, p99, max", [a.blocked_p50_ms, a.blocked_p99_ms, a.blocked_max_ms].map(ms).join(", "), a.blocked_p99_ms),
  ];
  const r = a.randomness;
  if (r) rows.push(
    row("dispersion index of the arrivals (1: Poisson)", `${number(r.dispersion_index, 3)} ± ${number(r.dispersion_error, 3)} over ${thousands(r.bins)} bins`, r.dispersion_index),
    row("their lag-1 correlation (0: Poisson)", `${number(r.lag1_correlation, 3)} ± ${number(r.lag1_error, 3)}`, r.lag1_correlation),
  );
  const verdict = a.void_reasons.length === 0
    ? el("p", {}, "The run counts: what the schedule asked for was sent, and sent in time.")
    : el("div", { class: "void" }, ...a.void_reasons.map((reason) => el("p", {}, reason)));
  return section(
    `${prefix}delivered`, "Delivered load", verdict,
    table("what was sent against what was planned", [{ title: "", text: true }, { title: "" }], rows),
    a.randomness_note === "" ? null : el("p", { class: "hint" }, a.randomness_note),
  );
}

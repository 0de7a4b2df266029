// The run over time: rate and outcomes, latency, in flight and users; events through all of them.
import { chart, stacked, type Bound, type Line, type Mark } from "../charts";
import { el, section } from "../dom";
import { clock, ms, number, plural, thousands } from "../figures";
import type { Point, Scenario } from "../model";
import { heatmap } from "./heatmap";

const FAILED = [
  "connect_error", "timeout", "connection_closed", "protocol_error", "abandoned", "server_error", "client_error", "check_failed",
];

const count = (p: Point, names: string[]) => names.reduce((sum, name) => sum + (p.outcomes[name] ?? 0), 0);
const ended = (p: Point) => count(p, ["ok", "rate_limited", ...FAILED]);

// What happened, in the order it happened.
export function marks(s: Scenario): Mark[] {
  const out: Mark[] = s.events.map((e) => ({ label: e.label, at: e.at_s, until: e.until_s, colour: "--event" }));
  for (const [name, p] of Object.entries(s.providers))
    for (const spike of p.spikes_429)
      out.push({ label: `429 spike on ${name}`, at: spike.at_s, until: spike.at_s + spike.duration_s, colour: "--rate-limited" });
  for (const t of s.thresholds)
    if (t.first_broken_at_s !== null && !t.pass) out.push({ label: `${t.criterion} broken`, at: t.first_broken_at_s, colour: "--failed" });
  if (s.stop_reason !== "schedule_ended") out.push({ label: s.stop_reason.replace("_", "-"), at: s.schedule_duration_s, colour: "--failed" });
  return out.sort((a, b) => a.at - b.at);
}

function rate(s: Scenario, seconds: number[], at: Mark[]): HTMLElement {
  const ok = s.series.map((p) => count(p, ["ok"]));
  const limited = s.series.map((p) => count(p, ["rate_limited"]));
  const failed = s.series.map((p) => count(p, FAILED));
  const tops = stacked([failed, limited, ok]);
  const raw = (values: number[]) => (_v: number | null, i: number) => thousands(values[i] ?? 0);
  const area = (label: string, colour: string, i: number, values: number[]): Line => ({
    label, colour, values: tops[i] ?? [], fill: true, text: raw(values),
  });
  return chart({
    title: "Rate and outcomes",
    unit: "requests per second: ended, by outcome; offered by the schedule",
    seconds,
    // The highest first, so that each covers what it stands on.
    lines: [
      area("ok", "--ok", 2, ok),
      area("rate limited (429)", "--rate-limited", 1, limited),
      area("failed", "--failed", 0, failed),
      { label: "offered", colour: "--text", values: s.series.map((p) => p.scheduled), width: 1.5, steps: true },
      { label: "started", colour: "--muted", values: s.series.map((p) => p.started), width: 1, dash: [4, 3], steps: true },
    ],
    marks: at,
    format: (v) => number(v, v < 10 && v % 1 !== 0 ? 1 : 0),
  });
}

function latency(s: Scenario, seconds: number[], at: Mark[]): HTMLElement {
  const line = (label: string, key: "p50_ms" | "p95_ms" | "p99_ms" | "max_ms", colour: string): Line => ({
    label, colour,
    // A second in which nothing ended has no latency: a gap.
    values: s.series.map((p) => (ended(p) > 0 && p[key] > 0 ? p[key] : null)),
  });
  const bounds: Bound[] = s.thresholds
    .filter((t) => t.unit === "ms" && t.comparison.startsWith("<") && t.bound > 0)
    .map((t) => ({ label: `${t.criterion} ${t.bound_text}`, value: t.bound }));
  return chart({
    title: "Response time",
    unit: "ms from the intended start, of the requests that ended in each second",
    seconds,
    lines: [
      line("p50", "p50_ms", "--q1"), line("p95", "p95_ms", "--q2"), line("p99", "p99_ms", "--q3"), line("max", "max_ms", "--q4"),
    ],
    bounds,
    marks: at.map((m) => ({ ...m, label: "" })),
    logarithmic: true,
    format: ms,
  });
}

function inFlight(s: Scenario, seconds: number[], at: Mark[]): HTMLElement {
  const lines: Line[] = [
    { label: "in flight", colour: "--q2", values: s.series.map((p) => p.in_flight) },
    { label: "due, not started", colour: "--rate-limited", values: s.series.map((p) => p.backlog) },
  ];
  lines.push({ label: s.model === "closed" ? "users" : "users busy", colour: "--muted", values: s.series.map((p) => p.users), dash: [4, 3] });
  return chart({
    title: "In flight and users",
    unit: "at the end of each second",
    seconds, lines, height: 160,
    marks: at.map((m) => ({ ...m, label: "" })),
    format: (v) => number(v, 0),
  });
}

function providerCharts(s: Scenario, seconds: number[], at: Mark[]): HTMLElement[] {
  const names = Object.keys(s.providers).filter((name) => (s.providers[name]?.calls ?? 0) > 0);
  const bySecond = (name: string, column: 1 | 3 | 4 | 5) => {
    const values = new Map(s.providers[name]!.series.map((p) => [p[0], p[column]]));
    return seconds.map((t) => values.get(t) ?? 0);
  };
  return names.map((name, i) => {
    const p = s.providers[name]!;
    const limited = bySecond(name, 3);
    const lastMinute = bySecond(name, 5);
    const lines: Line[] = [
      { label: "calls in the last minute", colour: `--p${(i % 6) + 1}`, values: lastMinute, width: 2 },
      { label: "calls per second", colour: "--muted", values: bySecond(name, 1), width: 1 },
    ];
    if (s.provider_columns.fallback) lines.push({ label: "served as fallback per second", colour: "--event", values: bySecond(name, 4), width: 1 });
    if (s.provider_columns.responses_429)
      lines.push({
        label: "429", colour: "--rate-limited", points: true,
        values: limited.map((n, k) => (n > 0 ? (lastMinute[k] ?? 0) : null)),
        text: (_v, k) => thousands(limited[k] ?? 0),
      });
    return chart({
      title: name,
      unit: `calls per minute against ${p.limit_per_minute > 0 ? `a limit of ${thousands(p.limit_per_minute)}` : "no known limit"}`,
      seconds, lines, height: 160,
      bounds: p.limit_per_minute > 0 ? [{ label: `limit ${thousands(p.limit_per_minute)}/min`, value: p.limit_per_minute }] : [],
      marks: at.filter((m) => m.label.includes(name)).map((m) => ({ ...m, label: "" })),
      format: (v) => number(v, 0),
    });
  });
}

export function timeline(s: Scenario, prefix: string): HTMLElement {
  if (s.series.length === 0)
    return section(`${prefix}timeline`, "Over time", el("p", { class: "empty" }, "Nothing was measured: there is no second to show."));
  const seconds = s.series.map((p) => p.second);
  const at = marks(s);
  const idle = Object.keys(s.providers).filter((name) => s.providers[name]?.calls === 0);
  const list = at.length === 0 ? null : el(
    "details", { class: "events" }, el("summary", {}, plural(at.length, "event")),
    el("ul", {}, ...at.map((m) => el("li", {}, `${clock(m.at)}${m.until !== undefined && m.until !== null ? `–${clock(m.until)}` : ""} ${m.label}`))),
  );
  return section(
    `${prefix}timeline`, "Over time",
    el("p", { class: "hint" }, "Drag to zoom into a span, double-click to see the whole run again."),
    rate(s, seconds, at), latency(s, seconds, at), heatmap(s.series, seconds), inFlight(s, seconds, at), ...providerCharts(s, seconds, at),
    idle.length === 0 ? null : el("p", { class: "hint" }, `No calls: ${idle.join(", ")}.`), list,
  );
}

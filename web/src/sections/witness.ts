// What the providers' own log says about the gateway: one row per check, the interval in question drawn.
import { el, section, svg } from "../dom";
import { clock, thousands } from "../figures";
import type { Scenario, WitnessCheck } from "../model";
import { table, type Cell, type Column } from "../table";

const ORDER = ["broken", "within jitter", "kept", "not exercised"];
const MARK: Record<WitnessCheck["answer"], string> = { broken: "✘", "within jitter": "≈", kept: "✔", "not exercised": "○" };
const TONE: Record<WitnessCheck["answer"], Cell["tone"]> = {
  broken: "failed", "within jitter": "rate-limited", kept: "ok", "not exercised": "muted",
};

// The provider's calls per second around the interval, which is shaded.
function interval(check: WitnessCheck, s: Scenario): HTMLElement | null {
  if (check.from_s === null || check.to_s === null) return null;
  const series = s.providers[check.provider]?.series ?? [];
  if (series.length === 0) return null;
  const margin = Math.max(5, (check.to_s - check.from_s) * 0.5);
  const from = Math.floor(Math.max(0, check.from_s - margin));
  const to = Math.ceil(check.to_s + margin);
  const shown = series.filter((p) => p[0] >= from && p[0] <= to);
  const width = 560, height = 90, base = height - 16;
  const top = Math.max(1, ...shown.map((p) => p[1]));
  const x = (t: number) => ((t - from) / Math.max(1, to - from)) * width;
  const bars = shown.flatMap((p) => {
    const w = Math.max(1, width / Math.max(1, to - from) - 1);
    const bar = (n: number, below: number, name: string) =>
      svg("rect", { class: name, x: x(p[0]), width: w, y: base - ((n + below) / top) * (base - 4), height: (n / top) * (base - 4) });
    return [bar(p[1] - p[3], p[3], "calls"), bar(p[3], 0, "limited")];
  });
  const text = (t: number, anchor: string) => {
    const node = svg("text", { x: x(t), y: height - 3, "text-anchor": anchor });
    node.textContent = clock(t);
    return node;
  };
  return el(
    "figure", { class: "interval" },
    el("figcaption", {}, `Calls per second to ${check.provider}, ${clock(from)} to ${clock(to)}; shaded: ${clock(check.from_s)} to ${clock(check.to_s)}; at most ${thousands(top)}`),
    svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": check.sentence } as Record<string, string | number>,
      svg("rect", { class: "span", x: x(check.from_s), y: 0, width: Math.max(1, x(check.to_s) - x(check.from_s)), height: base }),
      ...bars, text(from, "start"), text(to, "end")),
  );
}

function details(check: WitnessCheck, s: Scenario): HTMLElement {
  return el(
    "details", check.answer === "broken" ? { open: true } : {},
    el("summary", {}, check.sentence),
    interval(check, s),
    check.request_ids.length === 0 ? null : el("p", { class: "ids" }, `request ids: ${check.request_ids.join(", ")}`),
    el("p", { class: "hint" }, `rests on ${thousands(check.judged)} arrivals; measured jitter ${check.jitter_ms.toFixed(3)} ms`
      + (check.key === "" ? "" : `; key ${check.key}`) + (check.model === "" ? "" : `; model ${check.model}`)),
  );
}

export function witness(s: Scenario, prefix: string): HTMLElement | null {
  if (s.witness.length === 0) return null;
  const columns: Column[] = [
    { title: "answer", text: true }, { title: "check", text: true }, { title: "provider", text: true },
    { title: "bound", text: true }, { title: "actual", text: true }, { title: "evidence", text: true },
  ];
  const rows = [...s.witness]
    .sort((a, b) => ORDER.indexOf(a.answer) - ORDER.indexOf(b.answer))
    .map((c): Cell[] => [
      { text: `${MARK[c.answer]} ${c.answer}`, value: ORDER.indexOf(c.answer), tone: TONE[c.answer] },
      { text: c.check, value: c.check }, { text: c.provider, value: c.provider },
      { text: c.bound_text }, { text: c.actual_text }, { text: "", node: details(c, s) },
    ]);
  return section(`${prefix}witness`, "Witness", table("what the providers' side says of the gateway", columns, rows));
}

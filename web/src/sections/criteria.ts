// The bounds and their answers: what decided the verdict, broken ones first.
import { el, section, svg } from "../dom";
import { clock } from "../figures";
import type { Criterion, Threshold } from "../model";
import { table, type Cell, type Column } from "../table";

// Actual against bound, both from zero; the bound is the notch.
function bar(t: Threshold): SVGElement | null {
  if (t.actual === null || t.unit === "answer") return null;
  const top = Math.max(t.actual, t.bound) * 1.15;
  if (!(top > 0)) return null;
  // Rates near one differ in what is missing.
  const near = t.unit === "share" && t.bound > 0.5;
  const share = (v: number) => (near ? Math.max(0, Math.min(1, (v - (2 * t.bound - 1)) / (2 - 2 * t.bound || 1))) : v / top);
  const width = 90;
  return svg(
    "svg",
    { class: "bar", width, height: 10, viewBox: `0 0 ${width} 10`, "aria-hidden": "true" },
    svg("rect", { class: "track", x: 0, y: 2, width, height: 6 }),
    svg("rect", { class: t.pass ? "fill ok" : "fill failed", x: 0, y: 2, width: Math.max(1, share(t.actual) * width), height: 6 }),
    svg("line", { class: "notch", x1: share(t.bound) * width, x2: share(t.bound) * width, y1: 0, y2: 10 }),
  );
}

// Where the evidence for a bound is on the page.
export function evidence(t: Threshold): string {
  const name = `${t.name} ${t.criterion}`.toLowerCase();
  if (/witness|kept/.test(name)) return "witness";
  if (/provider|fallback/.test(name)) return "providers";
  if (/lag|blocked|unsent/.test(name)) return "delivered";
  if (/p\d|max|latency|response|service/.test(name)) return "latency";
  return "timeline";
}

export function criteria(thresholds: Threshold[], prefix: string): HTMLElement | null {
  if (thresholds.length === 0) return null;
  const columns: Column[] = [
    { title: "answer", text: true },
    { title: "criterion", text: true },
    { title: "bound" },
    { title: "actual" },
    { title: "", text: true },
    { title: "first broken" },
    { title: "note", text: true },
  ];
  const ordered = [...thresholds.filter((t) => !t.pass), ...thresholds.filter((t) => t.pass)];
  const rows = ordered.map((t): Cell[] => [
    { text: t.pass ? "✔ kept" : "✘ broken", value: t.pass ? 1 : 0, tone: t.pass ? "ok" : "failed" },
    { text: "", value: t.criterion, node: el("a", { href: `#${prefix}${evidence(t)}` }, t.criterion) },
    { text: t.bound_text, value: t.bound },
    { text: t.actual_text, value: t.actual, ...(t.pass ? {} : { tone: "failed" as const }) },
    { text: "", node: bar(t) },
    { text: t.first_broken_at_s === null ? "" : clock(t.first_broken_at_s), value: t.first_broken_at_s },
    { text: t.note, value: t.note },
  ]);
  return section(`${prefix}criteria`, "Criteria", table("bounds and their answers", columns, rows));
}

export function acceptance(all: Criterion[]): HTMLElement | null {
  if (all.length === 0) return null;
  const order = { "not met": 0, "not exercised": 1, "left out": 2, met: 3 };
  const rows = [...all]
    .sort((a, b) => order[a.answer] - order[b.answer])
    .map((c): Cell[] => [
      {
        text: `${c.answer === "met" ? "✔" : c.answer === "not met" ? "✘" : "○"} ${c.answer}`,
        value: order[c.answer],
        tone: c.answer === "met" ? "ok" : c.answer === "not met" ? "failed" : "muted",
      },
      { text: c.id, value: c.id },
      { text: c.text, value: c.text },
      { text: c.scenario, value: c.scenario },
      { text: c.bound },
      { text: c.actual },
      { text: c.sentence },
    ]);
  const columns: Column[] = ["answer", "id", "criterion", "scenario"].map((title) => ({ title, text: true }));
  columns.push({ title: "bound" }, { title: "actual" }, { title: "why", text: true });
  return section("acceptance", "Acceptance criteria", table("acceptance criteria of the suite", columns, rows));
}

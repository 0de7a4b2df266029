// The report page: one run, read from the metrics file that stands in the page.
import "uplot/dist/uPlot.min.css";
import { copy, el, redrawAll, section, type Child } from "./dom";
import { msOrNone, percent, plural, thousands } from "./figures";
import { parseRun, type Comparison, type Run, type Scenario, type Verdict, type Words } from "./model";
import { capacity } from "./sections/capacity";
import { compared } from "./sections/comparison";
import { acceptance, criteria } from "./sections/criteria";
import { latency } from "./sections/latency";
import { delivered, failures, providers, tasks } from "./sections/tables";
import { timeline } from "./sections/timeline";
import { witness } from "./sections/witness";
import { table, type Cell } from "./table";

const SIGN: Record<Verdict, string> = { PASS: "✔", FAIL: "✘", VOID: "∅", INTERRUPTED: "■" };

function text(id: string): string {
  return document.getElementById(id)?.textContent ?? "";
}

function badge(verdict: Verdict): HTMLElement {
  return el("span", { class: `badge ${verdict.toLowerCase()}` }, `${SIGN[verdict]} ${verdict}`);
}

function switchTheme(): void {
  const set = document.documentElement.dataset["theme"];
  const dark = set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset["theme"] = dark ? "light" : "dark";
  redrawAll();
}

function when(run: Run): string {
  return run.started_at.replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

function download(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function header(run: Run, json: string): HTMLElement {
  const stamp = run.started_at.replace(/[-:]/g, "").replace("T", "_").slice(0, 15);
  const button = (label: string, action: (b: HTMLButtonElement) => void) =>
    el("button", { type: "button", click: (event) => action(event.currentTarget as HTMLButtonElement) }, label);
  return el(
    "header", {},
    el("div", { class: "verdict" }, badge(run.verdict), el("h1", {}, run.scenarios.map((s) => s.name).join(", ") || "nothing ran")),
    el("p", { class: "when" }, `${when(run)} · squadload ${run.tool.version} · exit code ${run.exit_code}`),
    el("div", { class: "buttons" },
      button("copy command", (b) => void copy(b, run.command)),
      button("download JSON", () => download(`load_test_metrics_${stamp}.json`, json)),
      button("light / dark", switchTheme)),
  );
}

function overview(run: Run): HTMLElement | null {
  if (run.scenarios.length < 2) return null;
  const rows = run.scenarios.map((s, i): Cell[] => {
    const t = s.totals.response_time_ms;
    const time = (v: number): Cell => ({ text: msOrNone(v, t.count), value: t.count ? v : null });
    return [
      { text: "", value: s.name, node: el("a", { href: `#s${i}` }, s.name) },
      { text: `${SIGN[s.verdict]} ${s.verdict}`, value: s.verdict, tone: s.verdict === "PASS" ? "ok" : s.verdict === "FAIL" ? "failed" : "rate-limited" },
      { text: s.load, value: s.load },
      { text: thousands(s.totals.requests), value: s.totals.requests },
      { text: s.totals.requests ? percent(s.totals.success_rate) : "–", value: s.totals.requests ? s.totals.success_rate : null },
      { text: s.totals.requests ? percent(s.totals.rate_limited_rate) : "–", value: s.totals.requests ? s.totals.rate_limited_rate : null },
      time(t.p50), time(t.p95), time(t.p99), time(t.max),
      { text: s.verdict_reason },
    ];
  });
  const figures = ["requests", "success", "429", "p50 ms", "p95 ms", "p99 ms", "max ms"].map((title) => ({ title }));
  return section("overview", "Scenarios side by side", table("scenarios of the suite",
    [{ title: "scenario", text: true }, { title: "verdict", text: true }, { title: "load", text: true }, ...figures, { title: "why", text: true }], rows));
}

function notes(s: Scenario): HTMLElement | null {
  const all = new Set([...s.thresholds.map((t) => t.note).filter((n) => n !== ""), ...s.notes]);
  return all.size === 0 ? null : el("ul", { class: "notes" }, ...[...all].map((n) => el("li", {}, n)));
}

function scenario(run: Run, s: Scenario, index: number, words: Words): HTMLElement {
  const prefix = run.scenarios.length > 1 ? `s${index}-` : "";
  const facts = [s.target, s.load, s.description].filter((f) => f !== "").join(" · ");
  const parts: Child[] = [
    el("div", { class: "headline" },
      run.scenarios.length > 1 ? el("h2", { class: "name" }, badge(s.verdict), ` ${s.name}`) : null,
      el("p", { class: "headline-text" }, words.headlines[index] ?? s.verdict_reason),
      s.verdict !== "PASS" && words.delivered[index] ? el("p", { class: "hint" }, words.delivered[index] ?? "") : null,
      el("p", { class: "hint" }, facts)),
    criteria(s.thresholds, prefix), notes(s), timeline(s, prefix), latency(s, prefix), tasks(s, prefix), providers(s, prefix),
    witness(s, prefix), delivered(s, prefix), failures(s, prefix), repeat(run, s, index, prefix),
  ];
  return el("article", { id: `s${index}` }, ...parts);
}

function repeat(run: Run, s: Scenario, index: number, prefix: string): HTMLElement {
  const yaml = run.configuration[index]?.yaml ?? "";
  const fact = (name: string, value: string): Child[] => (value === "" ? [] : [el("dt", {}, name), el("dd", {}, value)]);
  const copyable = (content: string) =>
    el("div", { class: "copyable" },
      el("button", { type: "button", click: (e) => void copy(e.currentTarget as HTMLButtonElement, content) }, "copy"), el("pre", {}, content));
  return section(
    `${prefix}repeat`, "To repeat it", copyable(run.command),
    el("dl", {}, ...fact("target", s.target), ...fact("started", s.started_at), ...fact("seed", s.seed),
      ...fact("version", `squadload ${run.tool.version}`), ...fact("event loop", `${s.backend}, ${plural(s.workers, "worker")}`),
      ...fact("TLS", s.tls), ...fact("proxy", s.proxy), ...fact("connections opened", thousands(s.connections_opened)),
      ...fact("time scale", s.time_scale === 1 ? "" : `${s.time_scale} ×`)),
    el("details", {}, el("summary", {}, "effective configuration"), copyable(yaml)),
  );
}

function comparison(page: HTMLElement, c: Comparison, a: Run, b: Run): void {
  const tone = { REGRESSION: "fail", "NO REGRESSION": "pass", VOID: "void" }[c.verdict];
  const sign = { REGRESSION: "✘", "NO REGRESSION": "✔", VOID: "∅" }[c.verdict];
  document.title = `${c.verdict} — squadload compare`;
  const facts = (label: string, file: string, run: Run): Child[] => [
    el("dt", {}, label), el("dd", {}, badge(run.verdict), ` ${file} · ${when(run)}`), el("dt", {}, ""), el("dd", {}, el("code", {}, run.command))];
  page.append(
    el("header", {},
      el("div", { class: "verdict" }, el("span", { class: `badge ${tone}` }, `${sign} ${c.verdict}`), el("h1", {}, "comparison")),
      el("p", { class: "headline-text" }, c.headline),
      el("dl", {}, ...facts("A", c.a, a), ...facts("B", c.b, b)),
      c.notes.length === 0 ? null : el("ul", { class: "notes" }, ...c.notes.map((n) => el("li", {}, n))),
      el("div", { class: "buttons" }, el("button", { type: "button", click: switchTheme }, "light / dark"))),
    ...(c.verdict === "VOID" ? [] : compared(c, a, b)), el("footer", {}, c.method));
}

function show(): void {
  const json = text("metrics");
  const run = parseRun(json);
  if (text("comparison") !== "") {
    comparison(document.getElementById("page")!, JSON.parse(text("comparison")) as Comparison, run, parseRun(text("other")));
    return;
  }
  const words = JSON.parse(text("words") || '{"headlines":[],"delivered":[]}') as Words;
  document.title = `${run.verdict} ${run.scenarios.map((s) => s.name).join(", ")} — squadload`;
  const page = document.getElementById("page")!;
  page.append(header(run, json));
  for (const part of [overview(run), criteria(run.suite.thresholds, "suite-"), acceptance(run.suite.criteria)]) if (part) page.append(part);
  if (run.capacity) page.append(capacity(run.capacity));
  run.scenarios.forEach((s, i) => page.append(scenario(run, s, i, words)));
  // A link to evidence that this page does not have is text.
  for (const link of page.querySelectorAll('a[href^="#"]')) if (!document.getElementById(link.getAttribute("href")!.slice(1))) link.replaceWith(link.textContent ?? "");
  page.append(el("footer", {}, `squadload ${run.tool.version}. Response time counts from the intended start, service time from the send.`));
}

show();
let resizing = 0;
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return; // only the height changed
  width = innerWidth;
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(redrawAll);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

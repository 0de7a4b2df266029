// The metrics file, as docs/metrics.schema.json describes it: what the page reads, no more.

export type Verdict = "PASS" | "FAIL" | "VOID" | "INTERRUPTED";

export interface Summary {
  count: number;
  mean: number;
  min: number;
  p50: number;
  p75: number;
  p90: number;
  p95: number;
  p99: number;
  p99_9: number;
  max: number;
}

export interface HistogramData {
  min_ns: number;
  max_ns: number;
  sum_ns: number;
  buckets: [number, number][];
}

export type Outcomes = Record<string, number>;

export interface Stats {
  scheduled: number;
  requests: number;
  ok: number;
  rate_limited: number;
  failed: number;
  outcomes: Outcomes;
  success_rate: number;
  rate_limited_rate: number;
  failure_rate: number;
  server_error_rate: number;
  throughput_per_s: number;
  response_time_ms: Summary;
  response_time_ok_ms: Summary;
  service_time_ms: Summary;
  generator_lag_ms: Summary;
  blocked_ms: Summary;
  connect_ms: Summary;
  handshake_ms: Summary;
  first_byte_ms: Summary;
  responses_429: number;
  retries: number;
  bytes_received: number;
  bytes_sent: number;
  body_bytes: number;
  histograms: { response_time: HistogramData; service_time: HistogramData };
}

export interface Task extends Stats {
  entry_name: string;
  method: string;
}

export interface Threshold {
  name: string;
  criterion: string;
  comparison: string;
  bound: number;
  actual: number | null;
  unit: string;
  pass: boolean;
  bound_text: string;
  actual_text: string;
  note: string;
  first_broken_at_s: number | null;
}

export interface Point {
  second: number;
  scheduled: number;
  started: number;
  outcomes: Outcomes;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
  service_p50_ms: number;
  service_p99_ms: number;
  rounded_times: Record<string, number>;
  generator_lag_p99_ms: number;
  blocked_p99_ms: number;
  in_flight: number;
  backlog: number;
  users: number;
}

// second, calls, ok, responses_429, served_as_fallback, calls in the minute that ends there
export type ProviderPoint = [number, number, number, number, number, number];

export interface Provider {
  source: string;
  calls: number;
  share: number;
  ok: number;
  responses_429: number;
  failed: number;
  served_as_fallback: number;
  limit_per_minute: number;
  peak_per_minute: number;
  time_ms: Summary;
  spikes_429: { at_s: number; duration_s: number; count: number }[];
  responses: { fallback_reasons: Record<string, number>; attempts: number; with_attempts: number };
  series: ProviderPoint[];
}

export interface WitnessCheck {
  check: string;
  provider: string;
  key: string;
  model: string;
  answer: "kept" | "within jitter" | "broken" | "not exercised";
  bound_text: string;
  actual_text: string;
  sentence: string;
  judged: number;
  jitter_ms: number;
  from_s: number | null;
  to_s: number | null;
  request_ids: string[];
}

export interface FiredEvent {
  label: string;
  provider: string;
  at_s: number;
  until_s: number | null;
  error: string;
}

export interface Audit {
  scheduled: number;
  sent: number;
  unsent: number;
  unsent_while_free: number;
  planned_rate_per_s: number;
  delivered_rate_per_s: number;
  rate_error: number;
  generator_lag_p50_ms: number;
  generator_lag_p99_ms: number;
  generator_lag_max_ms: number;
  blocked_p50_ms: number;
  blocked_p99_ms: number;
  blocked_max_ms: number;
  lag_budget_ms: number;
  randomness: {
    bins: number;
    dispersion_index: number;
    dispersion_error: number;
    lag1_correlation: number;
    lag1_error: number;
  } | null;
  randomness_note: string;
  void_reasons: string[];
}

export interface Failure {
  task: string;
  outcome: string;
  message: string;
  count: number;
  first_at_s: number;
  last_at_s: number;
  status: number;
  example: string;
}

export interface Iterations {
  started: number;
  ok: number;
  failed: number;
  cut_off: number;
  iteration_time_ms: Summary;
  reasons: { reason: string; count: number }[];
}

export interface Scenario {
  name: string;
  description: string;
  kind: string;
  model: "open" | "closed";
  verdict: Verdict;
  verdict_reason: string;
  load: string;
  target: string;
  proxy: string;
  tls: string;
  backend: string;
  workers: number;
  started_at: string;
  schedule_duration_s: number;
  duration_s: number;
  seed: string; // 64 bits: text, as a number would lose digits
  connections_opened: number;
  stop_reason: string;
  notes: string[];
  totals: Stats;
  tasks: Record<string, Task>;
  iterations: Record<string, Iterations>;
  providers: Record<string, Provider>;
  provider_columns: { rpm: boolean; fallback: boolean; responses_429: boolean };
  events: FiredEvent[];
  time_scale: number;
  series: Point[];
  thresholds: Threshold[];
  audit: Audit;
  witness: WitnessCheck[];
  failures: Failure[];
}

export interface Criterion {
  id: string;
  text: string;
  scenario: string;
  bound: string;
  actual: string;
  answer: "met" | "not met" | "not exercised" | "left out";
  sentence: string;
}

export interface CapacityStep {
  rate_per_s: number;
  held: boolean;
  cause: string;
  sentence: string;
  requests: number;
  ok: number;
  rate_limited: number;
  failed: number;
  ok_per_s: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
  in_flight: number;
}

export interface Run {
  schema: number;
  tool: { version: string; backend: string; workers: number };
  verdict: Verdict;
  exit_code: number;
  started_at: string;
  command: string;
  configuration: { scenario: string; yaml: string }[];
  scenarios: Scenario[];
  suite: { thresholds: Threshold[]; criteria: Criterion[] };
  capacity: {
    precision: number;
    step_s: number;
    bounds: string[];
    limit_per_s: number | null;
    broken_per_s: number | null;
    cause: string;
    sentence: string;
    steps: CapacityStep[];
  } | null;
}

export interface Difference {
  task: string;
  figure: string;
  unit: "ms" | "share" | "per_s";
  a: number | null;
  b: number | null;
  low: number | null; // of b − a
  high: number | null;
  finding: string;
}

// What squadload compare found; the runs stand beside it.
export interface Comparison {
  a: string; // files
  b: string;
  verdict: "REGRESSION" | "NO REGRESSION" | "VOID";
  headline: string;
  method: string;
  notes: string[];
  scenarios: { name: string; a: number; b: number; notes: string[]; differences: Difference[] }[];
}

// What the page says about the run beside its figures, in the words of the terminal.
export interface Words {
  headlines: string[]; // one per scenario
  delivered: string[];
}

// The text as written: what is downloaded, and what is parsed.
export function parseRun(text: string): Run {
  return JSON.parse(text.replace(/("seed":\s*)(\d+)/g, '$1"$2"')) as Run;
}

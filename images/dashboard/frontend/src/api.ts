// Written by `make openapi` from docs/openapi/dashboard.json: the bodies of its routes. Not by hand.

/** Which report to abort; all without `report_id`. */
export interface AbortRequest {
  report_id?: string;
}

/** The reports that are being aborted. */
export interface Aborted {
  success: true;
  message: string;
  aborted: string[];
}

/** The newest entries of the audit, newest first. */
export interface Audit {
  success: true;
  entries: AuditEntry[];
}

/** A login, a rejected one, a logout, a deletion or a request to wake; `client` is the address that it came from. */
export interface AuditEntry {
  at: string;
  what: string;
  client: string;
  about: string;
}

/** Several backends: those that are up, and all. */
export interface BackendCounts {
  up: number;
  of: number;
}

/** The fields of the backend's health that may be displayed; none when it does not respond. */
export interface BackendHealth {
  status?: string;
  model?: string;
  ollama_status?: string;
  engine?: string;
  version?: string;
  progress?: string;
}

/** Search results: at most 20 of `count`. */
export interface Companies {
  success: true;
  results: Company[];
  count: number;
  source: string;
}

/** Company in search results; `symbol` is `ticker` under ERT's name. */
export interface Company {
  ticker: string;
  symbol: string;
  name: string;
  sector: string | null;
  fictional: boolean;
  as_of: string | null;
  data_label: string;
}

/** State of the backend configuration. */
export type Configuration = "complete" | "torn" | "absent";

/**
 * The machine as the status page shows it; null is not known. Of several `backends`, it is the first one that is up.
 * `clock_speed` is the provider's seconds in a real one: 1, but in a sandbox. Costs go by it; idle and up times are in
 * the provider's seconds already.
 */
export interface Deployment {
  gpus: Gpu[] | null;
  gpu_name: string | null;
  price_per_hour_usd: number | null;
  clock_speed: number;
  idle_seconds: number | null;
  idle_stop_seconds: number | null;
  total_reports: number | null;
  spend: Spend | null;
  state: "not_configured" | "asleep" | "booting" | "waking" | "ready" | "draining" | "failed" | "unreachable" | "gone";
  detail: string;
  checked_at: string;
  silent_since: string | null;
  ended: Ended | null;
  backend: BackendHealth;
  uptime_seconds: number | null;
  progress: Progress | null;
  queue: Queue | null;
  left_out?: string[];
  success: true;
  wake: Wake | null;
  backends: BackendCounts | null;
  together: Together | null;
  reports: ReportCounts;
}

/** Nothing to say but that it is done. */
export interface Done {
  success: true;
  message: string;
}

/** A body without fields; no body at all is the same. */
export type Empty = Record<string, never>;

/** What the guard did with its machine, and why; `seconds` is the limit that was reached. */
export interface Ended {
  state: "stopping" | "destroying";
  reason: "idle" | "lifetime" | "unclaimed" | "not_ready" | "budget" | "unrecorded" | "asked";
  seconds: number | null;
  at: string;
}

/** What this dashboard is set up to do. */
export interface Features {
  remote_llm: boolean;
  ollama: boolean;
  openai: boolean;
  live_updates: boolean;
  market_data: string;
  login: "password" | "proxy" | "none";
}

/** A figure of a report. `value` is in the terms of its unit: a ratio of 0.25 is 25 %. */
export interface Figure {
  fact_id: string;
  label: string;
  display: string | null;
  value: number | null;
  unit: string | null;
  as_of: string | null;
  source: string | null;
  link: string | null;
  derived: boolean;
}

/** A report; `draft` has the sections so far while there is no `report` yet. */
export interface FullReport {
  success: true;
  report_id: string;
  data: ReportData;
  report: Report | null;
  draft: Record<string, string>;
  figures: Figure[];
}

/** Subject of a report; `data` is a company document of the caller's, instead of the dashboard's source. */
export interface GenerateRequest {
  ticker: string;
  data?: Record<string, unknown>;
}

/** A queued report. */
export interface Generated {
  success: true;
  report_id: string;
  message: string;
  validated: true;
  note: string;
}

/** One card, in MiB, percent and degrees Celsius; null is not known. */
export interface Gpu {
  name: string | null;
  memory_total_mb: number | null;
  memory_used_mb: number | null;
  utilization_percent: number | null;
  temperature_c: number | null;
}

/** Checks of the numbers, as the backend wrote them. */
export interface Grounding {
  checked?: unknown;
  grounded?: unknown;
  derived?: unknown;
  ungrounded?: Ungrounded[];
  written_by_code?: unknown;
  failures?: unknown;
}

/**
 * Liveness and configuration of the process; never depends on the backend. `forgets`: reports that the next deploy
 * deletes, if any does; `shared`: other processes may serve beside this one. `backends`: how many of several are up, as
 * they were found last.
 */
export interface Health {
  fingerprint_2?: string;
  fingerprint_3?: string;
  fingerprint_4?: string;
  fingerprint_5?: string;
  fingerprint_6?: string;
  fingerprint_7?: string;
  fingerprint_8?: string;
  left_out?: string[];
  status: "healthy";
  timestamp: string;
  version: string;
  fingerprint: string | null;
  instance: string | null;
  configuration: Configuration;
  active_reports: number;
  queue_size: number;
  forgets: number | null;
  shared: boolean;
  backends: BackendCounts | null;
  features: Features;
}

/** The guard's last message: the limit that was reached in `seconds`, `at` in Unix seconds, two values in hex. */
export interface LastWordMessage {
  version: 1;
  state: "stopping" | "destroying";
  reason: "idle" | "lifetime" | "unclaimed" | "not_ready" | "budget" | "unrecorded" | "asked";
  seconds: number | null;
  at: number;
  run: string;
  certificate: string;
}

/** One of several machines: whether it is up, its price while it is, and its spend; null is not known. */
export interface MachineCost {
  up: boolean;
  price_per_hour_usd: number | null;
  spend_usd: number | null;
}

/** What the backend says about a report, passed on unchecked; that of an older one has fewer fields. */
export interface Metadata {
  model?: unknown;
  engine?: unknown;
  sandbox?: unknown;
  generation_time?: unknown;
  tokens_per_second?: unknown;
  quality?: unknown;
  report?: Rating;
  grounding?: Grounding;
}

/** Price of a company, if its source states one. */
export interface Price {
  price: number | null;
  currency: string | null;
  as_of: string | null;
  data_label: string;
  note: string | null;
}

/** Prices by ticker, and the tickers without data. */
export interface Prices {
  success: true;
  prices: Record<string, Price>;
  unknown: string[];
  source: string;
}

/** Refusal or failure; `error` may be shown to people. */
export interface Problem {
  success: false;
  error: string;
  configuration?: Configuration;
  known_tickers?: string[];
  login?: string;
}

/** Progress of a boot, in bytes. */
export interface Progress {
  phase: string | null;
  completed: number | null;
  total: number | null;
}

/** The backend's queue. */
export interface Queue {
  depth: number | null;
  active: number | null;
  limit: number | null;
}

/** Rating, gaps and tables, as the backend wrote them. */
export interface Rating {
  rating?: unknown;
  rating_basis?: unknown;
  data_gaps?: unknown;
  tables?: ReportTable[];
}

/** Whether the backend takes a report now, and why not. */
export interface Ready {
  ready: boolean;
  reason: string;
  configuration: Configuration;
  checked_at: string;
  backend: BackendHealth;
}

/** Finished report: section name to Markdown, and the seconds that it took. */
export interface Report {
  sections: Record<string, string>;
  metadata: Metadata;
  generation_time: number | null;
}

/** The end of a report; the live event `report_completed`. */
export interface ReportCompleted {
  report_id: string;
  data: ReportData;
  success: boolean;
}

/** Reports of this dashboard. */
export interface ReportCounts {
  active: number;
  waiting: number;
}

/**
 * One report in lists and events. Times are ISO 8601 in UTC; `progress` is in percent. `cost_usd` is its share of the
 * machine's time: all of it once it is finished, and before what earlier attempts took.
 */
export interface ReportData {
  report_id: string;
  ticker: string;
  company: string;
  data_label: string;
  status: Status;
  progress: number;
  current_section: string;
  queue_position: number | null;
  sections_done: number;
  sections_total: number;
  created: string;
  start_time: string | null;
  accepted_time: string | null;
  writing_since: string | null;
  estimated_completion: string | null;
  finished: string | null;
  error_message: string | null;
  word_count: number | null;
  cost_usd: number | null;
  report_path: string | null;
  abort_requested: boolean;
}

/** Table of a section, as the backend wrote it. */
export interface ReportTable {
  section?: unknown;
  title?: unknown;
  rows?: Row[];
}

/** A change of a report; the live event `report_update`. */
export interface ReportUpdate {
  report_id: string;
  data: ReportData;
}

/** The latest reports, newest first. */
export interface Reports {
  success: true;
  reports: ReportData[];
  count: number;
}

/** Row of a table, as the backend wrote it. Passed on unchecked: treat every field as unknown. */
export interface Row {
  label?: unknown;
  fact_id?: unknown;
  value?: unknown;
  display?: unknown;
  unit?: unknown;
  currency?: unknown;
  as_of?: unknown;
  source?: unknown;
}

/** Estimated cost in US dollars, in total and over time. */
export interface Spend {
  basis: "uptime_times_price";
  usd: number;
  points: SpendPoint[];
}

/** Estimate at a time. */
export interface SpendPoint {
  at: string;
  usd: number;
}

/** Status of a job, with the values that ERT uses. */
export type Status =
  | "queued"
  | "fetching_data"
  | "preparing_data"
  | "generating_sections"
  | "finalizing"
  | "completed"
  | "failed"
  | "aborting"
  | "aborted";

/** State of the dashboard and its latest reports; the live event `status_update`. */
export interface StatusUpdate {
  status: "online";
  timestamp: string;
  version: string;
  configuration: Configuration;
  problem: string | null;
  active_reports: number;
  queue_size: number;
  max_queue_size: number;
  updates: "live" | "delayed";
  reports: ReportData[];
}

/** State of the dashboard and its latest reports. */
export interface Summary {
  status: "online";
  timestamp: string;
  version: string;
  configuration: Configuration;
  problem: string | null;
  active_reports: number;
  queue_size: number;
  max_queue_size: number;
  updates: "live" | "delayed";
  reports: ReportData[];
  success: true;
}

/** Several machines: the price of those that are up, the spend of all, and each; null is not known. */
export interface Together {
  price_per_hour_usd: number | null;
  spend: Spend | null;
  each: MachineCost[];
}

/** Sentence that was taken out, as the backend wrote it. */
export interface Ungrounded {
  section?: unknown;
  text?: unknown;
  reason?: unknown;
}

/**
 * Waking by the agent, in seconds, US dollars and a share of 1; null is not known. `automatic`: a report that waits is
 * reason enough; `button`: visitors may request it; `wanted`: one did. `problem` is one line on why the machine is not
 * being started.
 */
export interface Wake {
  automatic: boolean;
  button: boolean;
  wanted: boolean;
  phase: "ready" | "waking" | "asleep" | "gone" | "failed" | "unknown" | null;
  stage: "rent" | "pull" | "boot" | "model_download" | "load" | "smoke_test" | null;
  progress: number | null;
  eta_p50_seconds: number | null;
  eta_p95_seconds: number | null;
  price_per_hour_usd: number | null;
  cost_to_ready_usd: number | null;
  reason: string;
  problem: string | null;
}

/** Tickers to price, at most 50. */
export interface WatchlistRequest {
  tickers: string[];
}

/** Number of the workers, the fingerprints of their configuration that all have, and the instance of one. */
export interface WorkersHealth {
  fingerprint_2?: string;
  fingerprint_3?: string;
  fingerprint_4?: string;
  fingerprint_5?: string;
  fingerprint_6?: string;
  fingerprint_7?: string;
  fingerprint_8?: string;
  workers: number;
  fingerprint: string | null;
  instance: string | null;
}

/** Each operation with a JSON answer. */
export interface Operations {
  "GET /health": { body: undefined; answer: Health };
  "GET /health/worker": { body: undefined; answer: WorkersHealth };
  "GET /ready": { body: undefined; answer: Ready };
  "GET /api/status": { body: undefined; answer: Summary };
  "POST /api/generate": { body: GenerateRequest; answer: Generated };
  "POST /api/abort": { body: AbortRequest; answer: Aborted };
  "POST /api/reset_abort": { body: Empty; answer: Done };
  "GET /api/reports": { body: undefined; answer: Reports };
  "GET /api/reports/{report_id}": { body: undefined; answer: FullReport };
  "POST /api/reports/{report_id}/abort": { body: Empty; answer: Aborted };
  "POST /api/reports/{report_id}/resume": { body: Empty; answer: Generated };
  "POST /api/reports/{report_id}/delete": { body: Empty; answer: Done };
  "GET /api/audit": { body: undefined; answer: Audit };
  "GET /api/search_tickers": { body: undefined; answer: Companies };
  "POST /api/watchlist_prices": { body: WatchlistRequest; answer: Prices };
  "GET /api/deployment": { body: undefined; answer: Deployment };
  "POST /api/machine/last-message": { body: LastWordMessage; answer: Done };
  "POST /api/wake": { body: Empty; answer: Done };
}

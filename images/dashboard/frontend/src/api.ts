// The dashboard's JSON calls and their shapes. Whatever arrives is data: it is shown as text, never as markup.

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

/** One report as every list and event tells it. Times are ISO 8601 in UTC. */
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
  estimated_completion: string | null;
  finished: string | null;
  error_message: string | null;
  word_count: number | null;
  report_path: string | null;
  abort_requested: boolean;
}

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

export interface Ungrounded {
  section?: unknown;
  text?: unknown;
  reason?: unknown;
}

/** What the backend says about a report it wrote; every field may be missing in that of an older one. */
export interface Metadata {
  model?: unknown;
  engine?: unknown;
  sandbox?: unknown;
  generation_time?: unknown;
  tokens_per_second?: unknown;
  quality?: unknown;
  report?: {
    rating?: unknown;
    rating_basis?: unknown;
    data_gaps?: unknown;
    tables?: { section?: unknown; title?: unknown; rows?: Row[] }[];
  };
  grounding?: {
    checked?: unknown;
    grounded?: unknown;
    derived?: unknown;
    ungrounded?: Ungrounded[];
    written_by_code?: unknown;
    failures?: unknown;
  };
}

export interface Report {
  sections: Record<string, string>;
  metadata: Metadata;
  generation_time: number | null;
}

/** A figure of the report with where it comes from. `value` is in the unit's own terms (ratio 0.25 is 25 %). */
export interface Figure {
  fact_id: string;
  label: string;
  display: string | null;
  value: number | null;
  unit: string | null;
  as_of: string | null;
  source: string | null;
  derived: boolean;
}

export interface FullReport {
  report_id: string;
  data: ReportData;
  report: Report | null;
  draft: Record<string, string>;
  figures: Figure[];
}

export interface Company {
  ticker: string;
  name: string;
  sector: string | null;
  fictional: boolean;
  as_of: string;
  data_label: string;
}

export interface Gpu {
  name: string | null;
  memory_total_mb?: number | null;
  memory_used_mb?: number | null;
  utilization_percent?: number | null;
  temperature_c?: number | null;
}

/** The machine as the status page shows it; null is "not known". */
export interface Deployment {
  state: string;
  detail: string;
  checked_at: string;
  backend: { model?: string; engine?: string; version?: string; progress?: string };
  uptime_seconds: number | null;
  progress: { phase: string | null; completed: number | null; total: number | null } | null;
  queue: { depth: number | null; active: number | null; limit: number | null } | null;
  gpus: Gpu[] | null;
  gpu_name: string | null;
  price_per_hour_usd: number | null;
  /** The provider's seconds in a real one: 1, but in a sandbox. Costs go by it; idle and up times are in its seconds already. */
  clock_speed: number;
  idle_seconds: number | null;
  idle_stop_seconds: number | null;
  total_reports: number | null;
  spend: { usd: number; points: { at: string; usd: number }[] } | null;
  reports: { active: number; waiting: number };
}

export interface Summary {
  configuration: string;
  problem: string | null;
  active_reports: number;
  queue_size: number;
  max_queue_size: number;
  reports: ReportData[];
}

/** The call was answered with a refusal; the text is the dashboard's own and may be shown. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** The dashboard did not answer, or not in JSON. */
export class NoAnswer extends Error {}

async function call<T>(path: string, body?: unknown): Promise<T> {
  const options: RequestInit = { headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { ...options.headers, "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response: Response;
  let answer: { error?: unknown; login?: unknown };
  try {
    response = await fetch(path, options);
    answer = (await response.json()) as { error?: unknown; login?: unknown };
  } catch {
    throw new NoAnswer("The dashboard does not answer.");
  }
  if (response.status === 401 && answer.login === "/login") location.assign("/login"); // the session has ended
  if (!response.ok) {
    throw new Refused(typeof answer.error === "string" ? answer.error : "The request was refused.", response.status);
  }
  return answer as T;
}

const id = encodeURIComponent;
/** End this login on the server too; where that cannot be done, the login page offers it again. */
export const logOut = (): void =>
  void fetch("/logout", { method: "POST", redirect: "manual" })
    .catch(() => null)
    .then(() => location.assign("/login"));
export const generate = (ticker: string) => call<{ report_id: string; message: string }>("/api/generate", { ticker });
export const stop = (report: string) => call<unknown>("/api/abort", { report_id: report });
export const fetchReport = (report: string) => call<FullReport>(`/api/reports/${id(report)}`);
export const fetchReports = (limit: number) => call<{ reports: ReportData[] }>(`/api/reports?limit=${limit}`);
export const fetchStatus = () => call<Summary>("/api/status");
export const fetchDeployment = () => call<Deployment>("/api/deployment");
export const searchTickers = (text: string) => call<{ results: Company[] }>(`/api/search_tickers?q=${id(text)}`);

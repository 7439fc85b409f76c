// The dashboard's JSON calls. Whatever arrives is data: it is shown as text, never as markup.
import type { Generated, Operations } from "./api";
import { watch } from "./notify";

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

/** Send an operation; `values` are the parameters of its path, and of its query. */
async function call<K extends keyof Operations>(
  operation: K,
  body: Operations[K]["body"],
  values: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Operations[K]["answer"]> {
  const [method = "", template = ""] = operation.split(" ");
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const query = Object.entries(values).filter(([name]) => !template.includes(`{${name}}`));
  const options: RequestInit = { headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    options.method = method;
    options.headers = { ...options.headers, "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response: Response;
  let answer: { error?: unknown; login?: unknown };
  try {
    response = await fetch(query.length > 0 ? `${path}?${new URLSearchParams(query)}` : path, options);
    answer = (await response.json()) as { error?: unknown; login?: unknown };
  } catch {
    throw new NoAnswer("The dashboard does not answer.");
  }
  // The session has ended; the login leads back to the same screen.
  if (response.status === 401 && answer.login === "/login") location.assign(`/login${location.hash}`);
  if (!response.ok) {
    throw new Refused(typeof answer.error === "string" ? answer.error : "The request was refused.", response.status);
  }
  return answer as Operations[K]["answer"];
}

/** End this login on the server too; where that cannot be done, the login page offers it again. */
export const logOut = (): void =>
  void fetch("/logout", { method: "POST", redirect: "manual" })
    .catch(() => null)
    .then(() => location.assign("/login"));

/** The keys of requests without an answer so far: a second click, or a repeat after a lost answer, is the same report. */
const unanswered = new Map<string, { key: string; at: number }>();
const REPEAT_MS = 5 * 60_000;

export async function generate(ticker: string): Promise<Generated> {
  const before = unanswered.get(ticker);
  const now = performance.now();
  const request = before !== undefined && now - before.at < REPEAT_MS ? before : { key: randomKey(), at: now };
  unanswered.set(ticker, request);
  try {
    const answer = await call("POST /api/generate", { ticker }, {}, { "Idempotency-Key": request.key });
    unanswered.delete(ticker);
    watch(answer.report_id);
    return answer;
  } catch (error) {
    if (error instanceof Refused && error.status < 500) unanswered.delete(ticker);
    throw error;
  }
}

const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export const stop = (report: string) => call("POST /api/abort", { report_id: report });
export const resume = (report: string) => call("POST /api/reports/{report_id}/resume", {}, { report_id: report });
export const remove = (report: string) => call("POST /api/reports/{report_id}/delete", {}, { report_id: report });
export const wake = () => call("POST /api/wake", {});
export const fetchStatus = () => call("GET /api/status", undefined);
export const fetchReport = (report: string) => call("GET /api/reports/{report_id}", undefined, { report_id: report });
export const fetchReports = (limit: number) => call("GET /api/reports", undefined, { limit: `${limit}` });
export const fetchDeployment = () => call("GET /api/deployment", undefined);
export const searchTickers = (text: string) => call("GET /api/search_tickers", undefined, { q: text });

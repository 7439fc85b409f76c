// The dashboard's JSON calls. Whatever arrives is data: it is shown as text, never as markup.
import type { Operations } from "./api";

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
): Promise<Operations[K]["answer"]> {
  const [method = "", template = ""] = operation.split(" ");
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const query = Object.entries(values).filter(([name]) => !template.includes(`{${name}}`));
  const options: RequestInit = { headers: { Accept: "application/json" } };
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
  if (response.status === 401 && answer.login === "/login") location.assign("/login"); // the session has ended
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
export const generate = (ticker: string) => call("POST /api/generate", { ticker });
export const stop = (report: string) => call("POST /api/abort", { report_id: report });
export const fetchReport = (report: string) => call("GET /api/reports/{report_id}", undefined, { report_id: report });
export const fetchReports = (limit: number) => call("GET /api/reports", undefined, { limit: `${limit}` });
export const fetchDeployment = () => call("GET /api/deployment", undefined);
export const searchTickers = (text: string) => call("GET /api/search_tickers", undefined, { q: text });

// Values as a reader sees them. Pure; the locale is the browser's.

export const NOT_KNOWN = "not known";
export const FINISHED: ReadonlySet<string> = new Set(["completed", "failed", "aborted"]);

export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `risk_analysis` -> `Risk analysis`. */
export const sectionTitle = (name: string): string => sentence(name.replaceAll("_", " ").trim()) || "Section";

export function when(iso: string | null): string {
  const date = iso === null ? null : new Date(iso);
  if (date === null || Number.isNaN(date.getTime())) return NOT_KNOWN;
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** A duration that somebody set: `20 min`, `2 h`, without the zeros a counter needs. */
export const limit = (seconds: number): string => span(seconds).replace(/ 00 (s|min)$/, "");

/** US dollars with as many digits as `like` needs, so that the ticks of one axis look alike. */
export const dollarsLike = (amount: number, like: number): string => `$${amount.toFixed(Math.abs(like) < 0.1 ? 4 : 2)}`;

/** A price per hour; cents are too coarse for what cards cost. */
export const rate = (price: number): string => `$${price.toFixed(4).replace(/0{1,2}$/, "")}`;

/** US dollars; small sums keep two digits that say something. */
export function dollars(amount: number): string {
  const digits = Math.abs(amount) >= 0.00005 && Math.abs(amount) < 0.1 ? 4 : 2;
  return `$${amount.toFixed(digits)}`;
}

export const known = (value: number | null | undefined, show: (value: number) => string): string =>
  value === null || value === undefined ? NOT_KNOWN : show(value);

export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const number = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
export const list = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];

/** `priceToBook` -> `price to book`; an id is not for readers. */
export const words = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([a-z])(PE)\b/g, "$1 $2")
    .replace(/[._]+/g, " ")
    .toLowerCase()
    .replace(/\bpe\b/g, "P/E")
    .replace(/\bpeg\b/g, "PEG");

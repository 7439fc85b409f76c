// What the bundle is made from, as one hash: the stamp in the bundle, and what a test compares it with.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const HERE = fileURLToPath(new URL("..", import.meta.url));
export const BUNDLE = process.env.ERT_BUNDLE_DIR ?? join(HERE, "../ert_dashboard/static/app");
const SINGLE = ["package-lock.json", "package.json", "tsconfig.json", "vite.config.ts"];

function below(folder) {
  return readdirSync(join(HERE, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(HERE, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

/** SHA-256 over `name NUL size NUL content` of every source, by name. */
export function sourcesHash() {
  const hash = createHash("sha256");
  for (const name of [...SINGLE, ...below("src"), ...below("public")].sort()) {
    const content = readFileSync(join(HERE, name));
    hash.update(`${name}\0${content.length}\0`);
    hash.update(content);
  }
  return hash.digest("hex");
}

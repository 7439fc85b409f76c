// Fails when the JavaScript a first visit loads is larger than promised: 200 kB after gzip.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BUNDLE } from "./sources.mjs";

const LIMIT = 200_000;
const scripts = readdirSync(BUNDLE, { recursive: true }).filter((name) => name.endsWith(".js"));
const sizes = scripts.map((name) => [name, gzipSync(readFileSync(join(BUNDLE, name)), { level: 9 }).length]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [name, size] of sizes) console.log(`${String(size).padStart(8)}  ${name}`);
console.log(`${String(total).padStart(8)}  bytes of JavaScript after gzip, at most ${LIMIT}`);
if (total > LIMIT) process.exit(1);

// Writes into the bundle what it was made from, so that a stale bundle is seen without Node.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUNDLE, sourcesHash } from "./sources.mjs";

writeFileSync(join(BUNDLE, "sources.sha256"), `${sourcesHash()}\n`);

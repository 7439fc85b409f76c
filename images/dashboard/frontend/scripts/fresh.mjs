// Builds once more, into a scratch folder, and compares byte for byte with the bundle that is committed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLE, HERE } from "./sources.mjs";

function files(folder) {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    names.map((entry) => [
      join(entry.parentPath, entry.name).slice(folder.length + 1),
      readFileSync(join(entry.parentPath, entry.name)),
    ]),
  );
}

const scratch = mkdtempSync(join(tmpdir(), "ert-bundle-"));
try {
  for (const step of [
    [join(HERE, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"],
    [join(HERE, "scripts/stamp.mjs")],
  ]) {
    const done = spawnSync(process.execPath, step, {
      cwd: HERE,
      stdio: "inherit",
      env: { ...process.env, ERT_BUNDLE_DIR: scratch },
    });
    if (done.status !== 0) process.exit(done.status ?? 1);
  }
  const [kept, built] = [files(BUNDLE), files(scratch)];
  const names = [...new Set([...kept.keys(), ...built.keys()])].sort();
  const different = names.filter((name) => !kept.get(name)?.equals(built.get(name) ?? Buffer.from("\0absent")));
  if (different.length > 0) {
    console.error(
      `The committed bundle is not what the sources build: ${different.join(", ")}\nhint: make frontend, and commit the result`,
    );
    process.exitCode = 1;
  } else console.log(`The committed bundle is fresh: ${names.length} files are the same in a second build`);
} finally {
  rmSync(scratch, { recursive: true });
}

"""Mutation test of the job schedules: `python -m tests.job_schedules.mutants`.

Each mutant is one exact replacement in a temporary copy of the backend, which runs until a schedule is violated.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.schedules import say

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "images" / "llm-backend"
IMPORTED = (BACKEND, ROOT / "images" / "dashboard", ROOT)
MOST = 20_000


@dataclass(frozen=True)
class Mutant:
    """One mutation: in `file`, `old` (which occurs exactly once) is replaced by `new`."""

    name: str
    file: str
    old: str
    new: str


_GUARD, _RULES = "guard/off_switch.py", "guard/rules.py"
MUTANTS = (
    Mutant(
        "admit without looking for the drain flag", "base/activity.py",
        "        if self.draining():\n", "        if False:\n",
    ),
    Mutant(
        "a refused report stays counted", "base/activity.py",
        "            self._set(in_flight=self.record.in_flight - 1)\n", "",
    ),
    Mutant(
        "raise the flag after the last look", _GUARD,
        "        self._drain()\n        verdict = self._verdict()\n",
        "        verdict = self._verdict()\n        self._drain()\n",
    ),
    Mutant(
        "do not wait for a report in flight", _RULES,
        "wait=may_be_writing and held < rules.drain_cap", "wait=False",
    ),
    Mutant("take work again while an order may still come", _GUARD, "SETTLE = 120.0", "SETTLE = 0.0"),
    Mutant(
        "write a known id again", "reports/jobs.py",
        "known = self.jobs.get(job_id) if job_id else None", "known = None",
    ),
    Mutant(
        "cancel what was asked for in the background", "reports/jobs.py",
        "        job.kept = True\n", "        job.kept = False\n",
    ),
    Mutant(
        "hand back as if it had failed", "reports/jobs.py",
        "        job.retryable = True\n        self._leave(", "        self._leave(",
    ),
    Mutant(
        "cancel what is written when the machine goes", "reports/jobs.py",
        "if self.handing_back or _stopping():", "if False:",
    ),
    Mutant(
        "a finished report stays counted", "reports/jobs.py",
        "        job.finish(status, name, data)\n        self.admission.end()\n",
        "        job.finish(status, name, data)\n",
    ),
    Mutant(
        "an engine's failure ends nothing", "reports/jobs.py",
        "            self._fail(job, str(error), retryable=True)\n        except Exception",
        "            pass\n        except Exception",
    ),
    Mutant(
        "hand over another report's text", "reports/jobs.py", "                job.result = await self.task\n",
        "                job.result = {**await self.task, 'sections': {'risk_analysis': 'MSFT'}}\n",
    ),
)  # fmt: skip


def broken(mutant: Mutant, into: Path) -> Path:
    """Return a copy of the backend with the mutation."""
    copy = into / "llm-backend"
    shutil.copytree(BACKEND, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / "ert_backend" / mutant.file
    source = path.read_text()
    assert source.count(mutant.old) == 1, f"{mutant.name}: {source.count(mutant.old)} places"
    path.write_text(source.replace(mutant.old, mutant.new))
    return copy


def killed_by(mutant: Mutant, most: int = MOST, first: int = 0, module: str = "tests.job_schedules") -> str:
    """Return the line with the violation; empty when the mutant survived."""
    with tempfile.TemporaryDirectory(prefix="ert-mutant-") as folder:
        copy = broken(mutant, Path(folder))
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (copy, *IMPORTED[1:])))}
        command = [sys.executable, "-m", module, "--stop", "-n", str(most), "--first", str(first)]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=3600, check=False)
        found = re.search(r"^seed \d+: .*$", done.stdout, re.MULTILINE)
        if done.returncode not in (0, 1) or (done.returncode == 1 and found is None):
            raise RuntimeError(f"{mutant.name}: {done.stderr[-2000:]}")
        return found[0] if found else ""


def main() -> int:
    """Run every mutant; return 1 when one survived."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        fates = list(pool.map(killed_by, MUTANTS))
    for mutant, fate in zip(MUTANTS, fates, strict=True):
        say(f"{'killed  ' if fate else 'SURVIVED'}  {mutant.name}: {fate[:110]}\n")
    say(f"{sum(map(bool, fates))} of {len(MUTANTS)} killed within {MOST} schedules each\n")
    return not all(fates)


if __name__ == "__main__":
    sys.exit(main())

"""Command-line benchmark: CPU time of ert-deploy beside Vast's own command line, both against one sandbox.

Pairs of processes, alternating; of each comparison the median of the ratios counts. Exits with 1 where one is too high.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ert_deploy.sandbox.world import daemon

PAIRS = 15
BIN = Path(sys.executable).parent
OURS, THEIRS = str(BIN / "ert-deploy"), str(BIN / "vastai")
SHOW, SEARCH = ("show", "instances"), ("search", "offers", "gpu_ram>=24 num_gpus=1")
# Ours, theirs, and the most that the ratio may be.
COMPARED = (
    ("--help", ("--help",), (("--help",),), 0.12),
    ("status", ("status", "-c", "sandbox"), (SHOW,), 1.0),
    ("plan", ("plan", "-c", "sandbox"), (SHOW, SEARCH), 1.0),
)


def cpu_seconds(command: list[str], folder: Path, env: dict[str, str]) -> float:
    """Return the CPU time of one process and its children. Raises CalledProcessError if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measured(name: str, folder: Path, env: dict[str, str], pairs: int) -> tuple[float, float, float]:
    """Return the median CPU seconds of ours and of theirs, and the median ratio of the pairs."""
    _, ours, theirs, _ = next(one for one in COMPARED if one[0] == name)

    def pair() -> tuple[float, float]:
        left = cpu_seconds([OURS, *ours], folder, env)
        return left, sum(cpu_seconds([THEIRS, *words], folder, env) for words in theirs)

    pair()  # compile bytecode and warm the caches
    found = [pair() for _ in range(pairs)]
    left, right = (statistics.median(column) for column in zip(*found, strict=True))
    return left, right, statistics.median(a / b for a, b in found)


def main(pairs: int = PAIRS) -> int:
    """Run the benchmark and return the exit code."""
    worst = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        world = daemon.start(folder / ".ert" / "sandbox", 60.0, model="toy")
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        env = {**kept, "HOME": place, "VAST_URL": world.vast_url, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        try:
            subprocess.run(
                [THEIRS, "set", "api-key", world.vast_key], check=True, capture_output=True, cwd=place, env=env
            )
            subprocess.run([OURS, "up", "-c", "sandbox"], check=True, capture_output=True, cwd=place, env=env)
            for name, _, _, most in COMPARED:
                ours, theirs, ratio = measured(name, folder, env, pairs)
                late = ratio > most
                worst |= late
                print(
                    f"{name:8} {ours * 1000:6.0f} ms  {theirs * 1000:6.0f} ms  ratio {ratio:5.3f}, at most {most:g}",
                    end="",
                )
                print("  TOO HIGH" if late else "", flush=True)
            subprocess.run(
                [OURS, "down", "-c", "sandbox", "--now"], check=True, capture_output=True, cwd=place, env=env
            )
        finally:
            daemon.stop(folder / ".ert" / "sandbox")
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())

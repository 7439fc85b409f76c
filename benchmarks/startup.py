"""Start-up benchmark: `ert-deploy --help` against `vastai --help`, as alternating processes.

Reports the median of each and the median of their ratio. Exits with 1 if the ratio exceeds 0.2.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
PROMISE = 0.2
BIN = Path(sys.executable).parent


def seconds(command: str) -> float:
    """Return the wall-clock duration of one process."""
    began = time.perf_counter()
    subprocess.run([str(BIN / command), "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> int:
    """Run the benchmark and return the exit code."""
    for command in ("ert-deploy", "vastai"):
        seconds(command)  # compile bytecode and warm the caches
    pairs = [(seconds("ert-deploy"), seconds("vastai")) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"ert-deploy --help  {ours * 1000:6.0f} ms   (median of {ROUNDS}, alternating)")
    print(f"vastai --help      {theirs * 1000:6.0f} ms")
    print(f"ratio              {ratio:6.3f}    (promised: at most {PROMISE})")
    return int(ratio > PROMISE)


if __name__ == "__main__":
    sys.exit(main())

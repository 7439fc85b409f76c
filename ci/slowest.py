"""CI timing report: lists the slowest parts of a run from lines of `seconds<TAB>name`. Standard library only."""

from __future__ import annotations

import sys
from pathlib import Path

SHOWN = 10


def main(path: Path, seconds: int) -> None:
    """Print the slowest parts: the duration of a step, or the sum over the tests of a module, which ran in parallel."""
    rows: dict[str, float] = {}
    for line in path.read_text().splitlines():
        took, _, name = line.partition("\t")
        rows[name] = rows.get(name, 0.0) + float(took)
    slowest = sorted(rows.items(), key=lambda row: -row[1])[:SHOWN]
    lines = [f"the {len(slowest)} slowest parts of {seconds} s:", *(f"{took:8.1f} s  {name}" for name, took in slowest)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

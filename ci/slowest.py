"""Prints the ten slowest parts of a CI run from a file of lines `seconds<TAB>name`. Standard library only."""

from __future__ import annotations

import sys
from pathlib import Path

SHOWN = 10


def main(path: Path, seconds: int) -> None:
    """Steps are wall time; a module of tests is the time of its tests, which ran beside others."""
    rows: dict[str, float] = {}
    for line in path.read_text().splitlines():
        took, _, name = line.partition("\t")
        rows[name] = rows.get(name, 0.0) + float(took)
    slowest = sorted(rows.items(), key=lambda row: -row[1])[:SHOWN]
    lines = [f"the {len(slowest)} slowest parts of {seconds} s:", *(f"{took:8.1f} s  {name}" for name, took in slowest)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

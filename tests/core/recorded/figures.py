"""Recorded figures: what the formulas for launches, unused machines, ledgers and plans say of many cases.

A change of a formula that is meant records them again (`python -m tests.core.recorded.figures --record`), and the
difference shows how far it goes; one that is not meant is found here, in the case that it changes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.core.recorded import idle, launches, ledgers, plans

KINDS = {"idle": idle.lines, "launches": launches.lines, "ledgers": ledgers.lines, "plans": plans.lines}


def file_of(kind: str) -> Path:
    """Return the file with the lines of a kind."""
    return Path(__file__).with_name(f"{kind}.txt")


def differences(kind: str) -> Iterator[str]:
    """Yield each line that is not as recorded, after the one that is in the file."""
    before, now = file_of(kind).read_text().splitlines(), list(KINDS[kind]())
    yield from (f"recorded {old}\nnow      {new}" for old, new in zip(before, now, strict=False) if old != new)
    if len(before) != len(now):
        yield f"{len(before)} lines recorded, {len(now)} now"


def main() -> int:
    """Compare with the files or write them; 1 if a line differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.core.recorded.figures", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the files instead of comparing with them")
    if parser.parse_args().record:
        for kind, lines in KINDS.items():
            file_of(kind).write_text("".join(f"{line}\n" for line in lines()))
        return 0
    found = [line for kind in KINDS for line in differences(kind)]
    sys.stdout.write("\n".join([*found, f"{len(found)} lines differ", ""]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

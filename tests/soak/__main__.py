"""`make soak`: a virtual week of agent, dashboard and guard; fails where memory, descriptors, logs or state grow."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.measures import FIRST, growth, table
from tests.soak.play import played, soak


def main() -> int:
    """Play it, print a line for each, and return 1 if anything has grown."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=7, help="how many; growth is judged from the third one on")
    parser.add_argument("--speed", type=float, default=540.0, help="provider seconds per real second")
    parser.add_argument("--seed", type=int, default=1, help="of the arrivals")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, soak(Path(folder), given.speed) as made:
        days = played(made, given.days, given.seed, _say)
        reports = len(made.reports)
    _say(f"{table(days)}\n{reports} of {reports} reports were delivered; nothing runs after `down`\n")
    grown = growth(days) if given.days > FIRST else []
    _say("".join(f"GROWN: {one}\n" for one in grown) or ("nothing has grown\n" if given.days > FIRST else ""))
    return bool(grown)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


sys.exit(main())

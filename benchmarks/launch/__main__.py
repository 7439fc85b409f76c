"""`make bench-launch`: run every policy on the market, print the tables; `--write` renews `docs/bench-launch.md`.

With `--parts FILE` only the grid and the sweep are run. Their parts are kept in the file, and a later run
goes on where it stopped.
Exits with 1 if a policy was earlier than the oracle, or if a target of the table is not met, and with 2 if the file has
parts of other parameters or policies.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks.launch.bound import quantile
from benchmarks.launch.chart import draw
from benchmarks.launch.claims import P50, P95, claims, grid_claim
from benchmarks.launch.measure import Case, beaten, measure
from benchmarks.launch.page import MODEL, Run, grid_summary, summary, sweep_summary, with_grid, with_sweep, write
from benchmarks.launch.parameters import MOODS
from benchmarks.launch.parts import OtherPartsError, Parts, play, sweep

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> int:
    """Measure, print, and return the exit code."""
    options = argparse.ArgumentParser(prog="make bench-launch")
    options.add_argument("--launches", type=int, default=10_000, help="of each policy in each mood")
    options.add_argument("--grid", type=int, default=100, help="of the product in each grid point; 0: no grid")
    options.add_argument("--parts", type=Path, metavar="FILE", help="only grid and sweep, kept in a file")
    options.add_argument("--sweep", type=int, default=100, help="of the product for each swept value; 0: no sweep")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--write", action="store_true", help="write docs/bench-launch.md and its picture")
    chosen = options.parse_args()
    if chosen.parts is not None:
        return _parts_alone(chosen)
    began = time.perf_counter()
    moods = measure([Case(mood) for mood in MOODS], chosen.launches, workers=chosen.workers)
    points = play(chosen.grid, Parts(), workers=chosen.workers) if chosen.grid else {}
    swept = sweep(chosen.sweep, Parts(), workers=chosen.workers) if chosen.sweep else {}
    bounds = {mood: (quantile(mood, chosen.launches, P50), quantile(mood, chosen.launches, P95)) for mood in MOODS}
    run = Run(chosen.launches, chosen.grid, chosen.sweep, moods, points, swept, claims(moods, points), bounds)
    print(MODEL.replace("*", ""))
    for title, text in summary(run).items():
        print(f"\n{title}\n{text}")
    if chosen.write:
        (DOCS / "bench-launch.md").write_text(write(run))
        (DOCS / "bench-launch.svg").write_text(draw(moods, chosen.launches))
    early = sum(beaten(tallies) for found in (moods, swept) for tallies in found.values())
    missed = sum(not claim.holds for claim in run.claims)
    print(f"\n{early} launches earlier than the oracle, {missed} targets not met, {time.perf_counter() - began:.0f} s")
    return int(early > 0 or missed > 0)


def _parts_alone(chosen: argparse.Namespace) -> int:
    try:
        parts = Parts(chosen.parts)
        points = play(chosen.grid, parts, workers=chosen.workers) if chosen.grid else {}
        swept = sweep(chosen.sweep, parts, workers=chosen.workers) if chosen.sweep else {}
    except OtherPartsError as error:
        print(f"{error}: name another file", file=sys.stderr)
        return 2
    print(MODEL.replace("*", ""))
    shown = {**(grid_summary(points) if points else {}), **(sweep_summary(swept) if swept else {})}
    for title, text in shown.items():
        print(f"\n{title}\n{text}")
    if chosen.write:
        text = (DOCS / "bench-launch.md").read_text()
        text = with_grid(text, points, chosen.grid) if points else text
        (DOCS / "bench-launch.md").write_text(with_sweep(text, swept, chosen.sweep) if swept else text)
    return int(bool(points) and not grid_claim(points).holds)


if __name__ == "__main__":
    sys.exit(main())

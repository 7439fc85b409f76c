"""`make bench-idle`: play every policy on every pattern, print the tables; `--write` renews `docs/bench-idle.md`.

Exits with 1 if a policy cost less than its bound, or if a target of the table is not met.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks.idle.chart import draw
from benchmarks.idle.claims import OFFICE, claims
from benchmarks.idle.knobs import AT_STARTS, EVEN, PLAIN, PRODUCT, RUNS, SHARES, TODAY, policies
from benchmarks.idle.measure import TRACE, Case, Found, beaten, measure, sweeps
from benchmarks.idle.page import Run, summary, write
from benchmarks.idle.patterns import SYNTHETIC, read
from benchmarks.idle.tables import SWEPT
from ert_deploy.core.idle.policy import TRUST

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> int:
    """Measure, print, and return the exit code."""
    options = argparse.ArgumentParser(prog="make bench-idle")
    options.add_argument("--trace", type=Path, help="CSV of hours and sessions; without it only the synthetic patterns")
    options.add_argument("--runs", type=int, default=RUNS, help="runs of each pattern")
    options.add_argument("--sweep", type=int, default=4, help="runs for each swept value; 0: no sweep")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--write", action="store_true", help="write docs/bench-idle.md and its picture")
    chosen = options.parse_args()
    if chosen.write and chosen.trace is None:
        options.error("--write needs --trace: the page shows both")
    began = time.perf_counter()
    hours = read(chosen.trace) if chosen.trace else ()
    traced = [Case(TRACE, share) for share in SHARES] if hours else []
    names = tuple(policies(TRUST))
    found = measure([*traced, *map(Case, SYNTHETIC)], chosen.runs, hours, names, workers=chosen.workers)
    swept = Found()
    if chosen.sweep:
        bases = SWEPT if hours else (OFFICE,)
        swept = measure(sweeps(bases), chosen.sweep, hours, (PRODUCT,), workers=chosen.workers)
    run = Run(chosen.runs, chosen.sweep, found, swept, claims(found))
    for title, text in summary(run).items():
        print(f"\n{title}\n{text}")
    if chosen.write:
        (DOCS / "bench-idle.md").write_text(write(run))
        (DOCS / "bench-idle.svg").write_text(draw(found, chosen.runs))
    early = beaten(found, (TODAY, EVEN, PLAIN, AT_STARTS))
    missed = sum(not claim.holds for claim in run.claims)
    print(f"\n{early} below the bound, {missed} targets not met, {time.perf_counter() - began:.0f} s")
    return int(early > 0 or missed > 0)


if __name__ == "__main__":
    sys.exit(main())

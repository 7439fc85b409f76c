"""`make bench-range`: the cost range of `plan` against what that run cost on the launch market."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.launch.market import Market
from benchmarks.launch.parameters import MOODS, PLAN_HOURS, VERIFIED_ONLY, values
from benchmarks.launch.product import launch, ports_on, wanted
from benchmarks.launch.session import Session
from ert_deploy.app.preview import preview
from ert_deploy.config.providers import RENDER, VAST
from ert_deploy.config.settings import Endpoint, KeySource, Settings
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.desired import Desired
from ert_deploy.wiring import Session as Opened

RATIO = 3.0  # p95 over p5


@dataclass(frozen=True, slots=True)
class Printed:
    """One launch: the range that `plan` printed and the share of runs that it is to hold, and the $ of this one."""

    low: float
    high: float
    share: float
    cost: float

    @property
    def holds(self) -> bool:
        """Whether the cost lies in the range."""
        return self.low <= self.cost <= self.high


def one(seed: int, mood: str, prefer: Prefer) -> Printed | None:
    """Return what was printed of one launch, and its cost; None if no offer matched or no backend became healthy."""
    knobs, only = values(mood), VERIFIED_ONLY[mood]
    desired, market = wanted(verified_only=only, prefer=prefer), Market(seed, knobs, verified_only=only)
    opened = Opened(_settings(desired), desired, ports_on(Session(market, knobs)))
    between = preview(opened, desired).between
    done = launch(Session(market, knobs), verified_only=only, prefer=prefer)
    if between is None or not done.reached:
        return None
    return Printed(between.low, between.high, between.share, done.money + done.hourly * PLAN_HOURS)


def _settings(desired: Desired) -> Settings:
    gpu, web = (
        Endpoint(VAST, "", KeySource(VAST.name, VAST.key)),
        Endpoint(RENDER, "", KeySource(RENDER.name, RENDER.key)),
    )
    return Settings(desired, gpu, web, Path(".ert") / "bench.json", None, Path("configs") / "bench.yaml")


def row(mood: str, prefer: Prefer, found: Sequence[Printed]) -> str:
    """Return one line of the table."""
    ratios = sorted(printed.high / printed.low for printed in found)
    held = sum(printed.holds for printed in found) / len(found)
    narrow = sum(ratio <= RATIO for ratio in ratios) / len(found)
    share, ratio = statistics.mean(printed.share for printed in found), statistics.median(ratios)
    below = sum(printed.cost < printed.low for printed in found) / len(found)
    return f"{prefer:<8}{mood:<10}{len(found):>6}{held:>8.1%}{share:>8.1%}{below:>8.1%}{ratio:>10.2f}{narrow:>12.0%}"


def main() -> int:
    """Measure and print the table."""
    options = argparse.ArgumentParser(prog="make bench-range")
    options.add_argument("--launches", type=int, default=200, help="of each policy in each mood")
    options.add_argument("--first", type=int, default=0, help="seed of the first market")
    chosen = options.parse_args()
    seeds = range(chosen.first, chosen.first + chosen.launches)
    columns = f"{'runs':>6}{'held':>8}{'said':>8}{'below':>8}{'p95/p5':>10}{f'at most {RATIO:g}':>12}"
    print(f"{'prefer':<8}{'mood':<10}{columns}")
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for prefer in Prefer:
            for mood in MOODS:
                results = processes.map(partial(one, mood=mood, prefer=prefer), seeds, chunksize=5)
                print(row(mood, prefer, [printed for printed in results if printed is not None]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

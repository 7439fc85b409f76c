"""Measurement: every policy on the same markets, in parallel processes, and the figures of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from benchmarks.launch.market import Market
from benchmarks.launch.parameters import PLAN_HOURS, VERIFIED_ONLY, values
from benchmarks.launch.peers import oracle, play
from benchmarks.launch.product import launch
from benchmarks.launch.rules import PEERS
from benchmarks.launch.session import Launch, Session

PRODUCT, ORACLE = "ert-deploy", "oracle, two slots"
NAMES = (PRODUCT, *(rule.name for rule in PEERS), ORACLE)
CHUNK = 25  # launches of one task


@dataclass(frozen=True, slots=True)
class Case:
    """One market: its mood, and the knobs that differ from it."""

    mood: str
    changed: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class Tally:
    """Launches of one policy: seconds of each (`HORIZON` where none was healthy), and sums of the rest."""

    seconds: list[float] = field(default_factory=list)
    reached: int = 0
    money: float = 0.0
    planned: float = 0.0
    rentals: int = 0
    lost: int = 0

    def add(self, result: Launch) -> None:
        """Count one launch."""
        self.seconds.append(result.seconds)
        self.reached += result.reached
        self.money += result.money
        self.planned += result.hourly * PLAN_HOURS
        self.rentals += result.rentals
        self.lost += result.lost

    def merge(self, other: Tally) -> None:
        """Add the launches of another process."""
        self.seconds += other.seconds
        self.reached += other.reached
        self.money += other.money
        self.planned += other.planned
        self.rentals += other.rentals
        self.lost += other.lost

    def quantile(self, share: float) -> float:
        """Return the time in minutes within which that share of the launches was healthy (nearest rank)."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] / 60.0

    @property
    def reach(self) -> float:
        """Share of the launches that were healthy within the horizon."""
        return self.reached / len(self.seconds)

    @property
    def per_healthy(self) -> float:
        """$ of all launches, failed ones included, until healthy, for each healthy one."""
        return self.money / self.reached if self.reached else math.inf

    @property
    def with_hours(self) -> float:
        """The same with the planned hours on the backend that was found."""
        return (self.money + self.planned) / self.reached if self.reached else math.inf


def players(mood: str) -> Mapping[str, Callable[[Session], Launch]]:
    """Return the policies by name, for a search of that mood."""
    peers = {rule.name: partial(play, rule=rule) for rule in PEERS}
    return {PRODUCT: partial(launch, verified_only=VERIFIED_ONLY[mood]), **peers, ORACLE: oracle}


def one(case: Case, seed: int, names: Iterable[str] = NAMES) -> dict[str, Launch]:
    """Run each policy on the market with that number. They share it, so that all of them see the same offers."""
    knobs = values(case.mood, dict(case.changed))
    market = Market(seed, knobs, verified_only=VERIFIED_ONLY[case.mood])
    known = players(case.mood)
    return {name: known[name](Session(market, knobs)) for name in names}


def chunk(case: Case, first: int, count: int, names: Sequence[str]) -> dict[str, Tally]:
    """Run `count` launches of each policy."""
    tallies = {name: Tally() for name in names}
    for seed in range(first, first + count):
        for name, result in one(case, seed, names).items():
            tallies[name].add(result)
    return tallies


def measure(
    cases: Sequence[Case], launches: int, *, names: Sequence[str] = NAMES, workers: int = 1, first: int = 0
) -> dict[Case, dict[str, Tally]]:
    """Run so many launches of each policy in each case. The result does not depend on the number of processes."""
    tasks = [(case, at, min(CHUNK, launches - at)) for case in cases for at in range(0, launches, CHUNK)]
    found = {case: {name: Tally() for name in names} for case in cases}
    if workers == 1:
        parts: Iterable[dict[str, Tally]] = (chunk(case, first + at, count, names) for case, at, count in tasks)
        _merge(tasks, parts, found)
        return found
    with ProcessPoolExecutor(workers) as pool:
        futures = [pool.submit(chunk, case, first + at, count, names) for case, at, count in tasks]
        _merge(tasks, (future.result() for future in futures), found)
    return found


def _merge(
    tasks: Sequence[tuple[Case, int, int]], parts: Iterable[dict[str, Tally]], found: dict[Case, dict[str, Tally]]
) -> None:
    for (case, _, _), part in zip(tasks, parts, strict=True):
        for name, tally in part.items():
            found[case][name].merge(tally)


def beaten(tallies: Mapping[str, Tally]) -> int:
    """Return how many launches were earlier than the oracle's on that market: 0 unless the model is wrong."""
    best = tallies[ORACLE].seconds
    others = (tally.seconds for name, tally in tallies.items() if name != ORACLE)
    return sum(mine < bound - 1e-6 for seconds in others for mine, bound in zip(seconds, best, strict=False))

"""Measurement: every policy on the same requests and the same market, next to the best decisions."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from benchmarks.idle.bound import best, clairvoyant, every_fixed
from benchmarks.idle.knobs import AT_STARTS, KNOBS, TRUST_KNOB, WORK, policies, prices
from benchmarks.idle.patterns import lucky, made, span, thinned
from ert_deploy.core.idle.policy import TRUST
from ert_deploy.core.idle.replay import replay

TRACE = "trace"
Hours = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Case:
    """One pattern: its name, the share of a trace, and the knobs that differ from the page's."""

    pattern: str
    share: float = 1.0
    changed: tuple[tuple[str, float], ...] = ()

    @property
    def title(self) -> str:
        """How tables call it."""
        return f"{self.pattern}, {self.share:.0%}" if self.pattern == TRACE else self.pattern


@dataclass(frozen=True, slots=True)
class Result:
    """One policy on one seed: its $ with and without the price of waiting, its waits, and ratios to four others.

    `same` and `pair` compare it with the fixed time-outs that make at most as large a share wait: those that keep the
    disk, and all. `any_fixed` compares it with the best fixed time-out of all, `bound` with whoever knows all requests.
    """

    total: float
    money: float
    minutes: float
    cold: float
    early: int
    missed: int
    same: float
    pair: float
    any_fixed: float
    bound: float


Results = Mapping[str, Sequence[Result]]


@dataclass(slots=True)
class Found:
    """Results of each policy in each case, one for each number."""

    cases: dict[Case, dict[str, list[Result]]] = field(default_factory=dict)

    def mean(self, case: Case, policy: str, what: str) -> float:
        """Return the mean of one field of the results."""
        return statistics.fmean(getattr(one, what) for one in self.cases[case][policy])

    def spread(self, case: Case, policy: str, what: str) -> tuple[float, float, float]:
        """Return standard deviation, lowest and highest value of one field."""
        values = [getattr(one, what) for one in self.cases[case][policy]]
        return statistics.pstdev(values), min(values), max(values)


def one(case: Case, seed: int, hours: Hours, names: Sequence[str]) -> dict[str, Result]:
    """Play these policies on the requests of that seed."""
    changed = dict(case.changed)
    trust = changed.pop(TRUST_KNOB, TRUST)
    priced, luck = prices(changed), lucky(seed)
    arrivals = thinned(hours, case.share, seed) if case.pattern == TRACE else made(case.pattern, seed)
    until = span(arrivals, case.pattern)
    worth = priced.wait_price
    fixed = every_fixed(arrivals, priced, luck, work=WORK, until=until)
    bound = clairvoyant(arrivals, priced, luck, work=WORK)
    free = best(fixed, worth)[1].total(worth)
    found = {}
    for name in names:
        played = replay(
            arrivals, policies(trust)[name], priced, luck, work=WORK, until=until, at_starts=name == AT_STARTS
        )
        total = played.total(worth)
        same = best(fixed, worth, cold=played.cold, destroys=False)[1].total(worth)
        pair = best(fixed, worth, cold=played.cold)[1].total(worth)
        found[name] = Result(
            total, played.money, played.minutes, played.cold, played.early, played.missed,
            total / same, total / pair, total / free, total / bound,
        )  # fmt: skip
    return found


def measure(
    cases: Sequence[Case], runs: int, hours: Hours, names: Sequence[str], *, workers: int = 1, first: int = 0
) -> Found:
    """Play so many runs of each case. The result does not depend on the number of processes."""
    tasks = [(case, seed) for case in cases for seed in range(first, first + runs)]
    if workers == 1:
        parts = [one(case, seed, hours, names) for case, seed in tasks]
    else:
        with ProcessPoolExecutor(workers) as pool:
            parts = [task.result() for task in [pool.submit(one, case, seed, hours, names) for case, seed in tasks]]
    found = Found()
    for (case, _), part in zip(tasks, parts, strict=True):
        kept = found.cases.setdefault(case, {name: [] for name in names})
        for name, result in part.items():
            kept[name].append(result)
    return found


def beaten(found: Found, names: Sequence[str]) -> int:
    """Return how often one of these policies cost less than its bound: 0 unless the model is wrong."""
    return sum(one.bound < 1 - 1e-9 for by_name in found.cases.values() for name in names for one in by_name[name])


def sweeps(bases: Sequence[Case]) -> list[Case]:
    """Return these cases with one knob changed to each value of its sweep."""
    return [
        Case(base.pattern, base.share, ((knob.name, value),))
        for knob in KNOBS
        for value in knob.sweep
        for base in bases
    ]

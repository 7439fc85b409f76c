"""Claims: what the table has to show, by the targets that were fixed with the parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from benchmarks.launch.measure import ORACLE, PRODUCT, Case, Tally
from benchmarks.launch.parameters import (
    CALM_RATIO,
    GRID,
    GRID_SHARE,
    HEDGING_GAIN,
    KNOBS,
    MONEY_RATIO,
    MOODS,
    ORACLE_RATIO,
    SEQUENTIAL_GAIN,
)
from benchmarks.launch.rules import HEDGING, PEERS, SEQUENTIAL, Rule

P50, P95 = 0.50, 0.95
AS_OFTEN = 0.005  # difference of two shares that counts as none
CALM, BAD_DAY = MOODS[0], MOODS[-1]
Found = Mapping[Case, Mapping[str, Tally]]


@dataclass(frozen=True, slots=True)
class Claim:
    """One target: what is compared, the figure, the limit, and whether it has to be at least that or at most."""

    text: str
    value: float
    limit: float
    at_least: bool

    @property
    def holds(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def grid() -> tuple[Case, ...]:
    """Return the bad-day markets of the grid."""
    return tuple(Case(BAD_DAY, tuple(zip(GRID, chosen, strict=True))) for chosen in product(*GRID.values()))


def sweeps() -> tuple[Case, ...]:
    """Return the bad day, and the markets in which one knob of it has another value of its sweep."""
    changed = (Case(BAD_DAY, ((knob.name, value),)) for knob in KNOBS for value in knob.sweep)
    return (Case(BAD_DAY), *changed)


def best(tallies: Mapping[str, Tally], rules: Sequence[Rule], share: float) -> float:
    """Return the shortest time of those peers at that quantile, in minutes."""
    return min(tallies[rule.name].quantile(share) for rule in rules)


def hedging_gain(tallies: Mapping[str, Tally]) -> float:
    """Return the p95 of the best hedging peer over the product's."""
    return best(tallies, HEDGING, P95) / tallies[PRODUCT].quantile(P95)


def money_ratio(tallies: Mapping[str, Tally], *, hours: bool) -> float:
    """Return the product's $ per healthy launch over those of the cheapest peer that reaches health as often."""
    mine = tallies[PRODUCT]
    peers = [tallies[rule.name] for rule in PEERS if tallies[rule.name].reach >= mine.reach - AS_OFTEN]
    cost = [peer.with_hours if hours else peer.per_healthy for peer in peers]
    return (mine.with_hours if hours else mine.per_healthy) / min(cost) if cost else math.nan


def grid_claim(points: Found) -> Claim:
    """Return the claim about these points, of which there is at least one."""
    gains = [hedging_gain(tallies) for tallies in points.values()]
    share = sum(gain >= HEDGING_GAIN for gain in gains) / len(gains)
    text = f"share of the grid where the best hedging peer's p95 is at least {HEDGING_GAIN:g} times ert-deploy's"
    return Claim(text, share, GRID_SHARE, True)


def claims(moods: Found, points: Found) -> tuple[Claim, ...]:
    """Return every claim with its figure. `points` are the cases of the grid; without them that claim is left out."""
    bad, calm = moods[Case(BAD_DAY)], moods[Case(CALM)]
    mine = bad[PRODUCT].quantile(P95)
    sequential = best(bad, SEQUENTIAL, P95)
    made = [
        Claim("bad day, p95: best sequential peer / ert-deploy", sequential / mine, SEQUENTIAL_GAIN, True),
        Claim("bad day, p95: ert-deploy / oracle", mine / bad[ORACLE].quantile(P95), ORACLE_RATIO, False),
    ]
    if points:
        made.insert(1, grid_claim(points))
    for name, at in (("p50", P50), ("p95", P95)):
        ratio = calm[PRODUCT].quantile(at) / best(calm, PEERS, at)
        made.append(Claim(f"calm, {name}: ert-deploy / fastest peer", ratio, CALM_RATIO, False))
    for mood in MOODS:
        for text, hours in (("until healthy", False), ("with the planned hours", True)):
            ratio = money_ratio(moods[Case(mood)], hours=hours)
            what = f"{mood}, $ per healthy launch {text}: ert-deploy / cheapest peer that reaches health as often"
            made.append(Claim(what, ratio, MONEY_RATIO, False))
    return tuple(made)

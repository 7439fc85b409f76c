"""Recommendation for an unused machine: what each policy would have cost on known requests, and the numbers to set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ert_deploy.core.idle.hours import DAY
from ert_deploy.core.idle.learned import Gap
from ert_deploy.core.idle.policy import TRUST, BreakEven, Fixed, Learned, Numbers, Past, Policy, decide
from ert_deploy.core.idle.prices import MINUTE, Prices
from ert_deploy.core.idle.replay import Played, replay

FEWEST, SHORTEST = 8, 3 * DAY  # requests, and s between the first and the last, below which there is none
WORK = 90.0  # s of a request whose length is not known: the middle of the 30 to 120 s that a report may take
GOLDEN = (math.sqrt(5.0) - 1) / 2  # its multiples are spread evenly over [0, 1[
NOW, EVEN, PLAIN, EARLY = "now", "break-even", "learned", "started early"
MARGIN = 0.95  # of the $ of what is set now, which a recommendation has to be below


@dataclass(frozen=True, slots=True)
class Row:
    """One policy on the known requests: $ billed and minutes of waiting per day, and the $ with the price of waiting.

    `waited` is the cold share, `numbers` what it decides at the end.
    """

    name: str
    billed: float
    minutes: float
    total: float
    waited: float
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Advice:
    """What each policy would have cost, the one to choose, and the prices by which it was judged."""

    rows: tuple[Row, ...]
    chosen: Row
    prices: Prices
    requests: int
    days: float

    @property
    def idle_stop(self) -> int:
        """Seconds without use until the machine should stop, in whole minutes; 0 for never."""
        stop = self.chosen.numbers.idle_stop
        return max(1, round(stop / MINUTE)) * int(MINUTE) if stop < math.inf else 0


def too_little(wanted: Sequence[float]) -> str:
    """Return why these requests are too few, empty if they are enough."""
    days = (wanted[-1] - wanted[0]) / DAY if wanted else 0.0
    if len(wanted) >= FEWEST and days * DAY >= SHORTEST:
        return ""
    return f"{len(wanted)} requests in {days:.1f} days are known, and advice needs {FEWEST} in {SHORTEST / DAY:g}"


def advise(
    wanted: Sequence[float], prices: Prices, *, idle_stop: float, budget: float = 0.0, floor: float = 0.0
) -> Advice:
    """Replay the policies on requests at these sorted times. ValueError where they are too few.

    `idle_stop` is what is set, 0 for none; `budget` the $ a day for early starts. No policy stops within `floor`
    seconds without use: where requests in that time are not known, nothing can be said of an earlier stop.
    """
    if why := too_little(wanted):
        raise ValueError(why)
    known: Mapping[str, Policy] = {
        NOW: Fixed(idle_stop or math.inf),
        EVEN: BreakEven(),
        PLAIN: Learned(TRUST),
        **({EARLY: Learned(TRUST, budget)} if budget > 0 else {}),
    }
    until, past = wanted[-1], _past(wanted)
    days = (until - wanted[0]) / DAY
    rows = []
    for name, policy in known.items():
        played = replay(
            wanted, policy, prices, lambda number: number * GOLDEN % 1.0, work=WORK, until=until, floor=floor
        )
        numbers = decide(policy, prices, past, until)
        numbers = replace(numbers, idle_stop=max(floor, numbers.idle_stop))
        rows.append(_row(name, played, numbers, prices, days))
    best = min(rows, key=lambda row: row.total)
    return Advice(tuple(rows), best if best.total < MARGIN * rows[0].total else rows[0], prices, len(wanted), days)


def _row(name: str, played: Played, numbers: Numbers, prices: Prices, days: float) -> Row:
    total = played.total(prices.wait_price)
    return Row(name, played.money / days, played.minutes / days, total / days, played.cold, numbers)


def _past(wanted: Sequence[float]) -> Past:
    """Return what is known at the end of these requests."""
    past = Past(arrivals=list(wanted))
    for earlier, later in pairwise(wanted):
        if later > earlier + WORK:
            past.gaps.append(Gap(earlier + WORK, later - earlier - WORK))
    return past

"""Summary of a ledger: day, month, what that is expected to cost, and what the same machine always on would have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ert_deploy.core.ledger.days import NOTHING, Cost, days
from ert_deploy.core.ledger.intervals import intervals
from ert_deploy.core.ledger.model import DAY, DISK, GPU, HOUR, Ledger
from ert_deploy.core.ledger.months import MONTH, first_day, month_of

LOOKED_AT = 7  # days before now, whose mean is expected of each further day


@dataclass(frozen=True, slots=True)
class Summary:
    """Costs at a time, in $. `days` are those of the month until now, `earlier` the totals of months before it.

    `forecast` is the whole month if it goes on as in the last days, None in the first hour. `always_on` is what the
    last machine would have cost in this month, or since the first rental in it, without ever being stopped, and that
    as often as there are `replicas`; None without a machine. `kept` is what the `awake` ones of these cost in a month.
    """

    today: Cost
    month: Cost
    days: Mapping[int, Cost]
    earlier: Mapping[int, float]
    forecast: float | None
    always_on: float | None
    replicas: int = 1
    awake: int = 0
    kept: float | None = None

    @property
    def saved(self) -> float | None:
        """What was saved against the machine that is always on."""
        return None if self.always_on is None else self.always_on - self.month.total


def summary(ledger: Ledger, now: float, replicas: int = 1, awake: int = 0) -> Summary:
    """Return the costs at the time `now`, of which `awake` machines are not to stop by themselves."""
    today = int(now // DAY)
    first = first_day(month_of(today))
    costs = days(ledger, now)
    within = {day: costs.get(day, NOTHING) for day in range(first, today + 1)}
    month = sum(within.values(), NOTHING)
    earlier: dict[int, float] = {}
    for one in ledger.months:
        if one.first == first:  # a full ledger was folded in this month
            month += Cost(one.gpu, one.disk, one.traffic)
        else:
            earlier[one.first] = one.gpu + one.disk + one.traffic
    for day, cost in costs.items():
        if day < first:
            start = first_day(month_of(day))
            earlier[start] = earlier.get(start, 0.0) + cost.total
    hourly = _hourly(ledger)
    return Summary(
        costs.get(today, NOTHING), month, within, dict(sorted(earlier.items())),
        _forecast(ledger, costs, month.total, now), _always_on(ledger, hourly, first * DAY, now, replicas), replicas,
        awake, awake * hourly * MONTH if awake and hourly is not None else None,
    )  # fmt: skip


def _forecast(ledger: Ledger, costs: Mapping[int, Cost], spent: float, now: float) -> float | None:
    """Return the $ of the month if each hour that is left costs as much as one of the last days did."""
    begins = [one.begin for one in intervals(ledger)]
    today = int(now // DAY)
    since = max([min(begins, default=now), (today - LOOKED_AT + 1) * DAY])
    if now - since < HOUR:
        return None
    recent = sum(cost.total for day, cost in costs.items() if today - LOOKED_AT < day <= today)
    return spent + recent / (now - since) * (first_day(month_of(today) + 1) * DAY - now)


def _always_on(ledger: Ledger, hourly: float | None, first: float, now: float, replicas: int) -> float | None:
    if hourly is None:
        return None
    since = max(first, min(one.begin for one in intervals(ledger)))
    return replicas * hourly * (now - since) / HOUR


def _hourly(ledger: Ledger) -> float | None:
    """Return the $ per hour of the last machine with its disk; None without one."""
    found = intervals(ledger)
    rates = {kind: [one for one in found if one.kind == kind] for kind in (GPU, DISK)}
    if not rates[GPU]:
        return None
    return sum(max(own, key=lambda one: one.begin).rate for own in rates.values() if own)

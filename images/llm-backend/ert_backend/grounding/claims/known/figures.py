"""Figures by name, company and date, and the ratios between them.

Figures of different currencies or dimensions have no ratio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ert_backend.grounding.claims.known.kinds import DISTANCES, QUOTIENTS
from ert_backend.grounding.facts import Period
from ert_backend.grounding.periods import Newest


@dataclass(frozen=True, slots=True)
class Figure:
    """One fact as a value; a ratio or percent as a fraction. `current`: its path has no date in it."""

    id: str
    name: str
    value: float
    dimension: str
    owner: str
    period: Period | None
    current: bool
    quarterly: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures, by company and name. `whole`: the current figures equal those of the newest year."""

    known: Mapping[tuple[str, str], Sequence[Figure]]
    peers: Sequence[str]
    latest: Newest
    whole: bool = False

    def find(self, name: str, owner: str, when: Period | None = None) -> Sequence[Figure]:
        """Return the figures of that name, company and date; without a date the current ones, else the newest."""
        items = self.known.get((owner, name), ())
        if when is not None:
            return _of(when, items)
        current = [item for item in items if item.current and not item.quarterly]
        dated = [item for item in items if item.period and item.period.year and item.period.half is None]
        return current or ([max(dated, key=age)] if dated else [])

    def quotient(self, left: Figure, right: Figure) -> float | None:
        """Return left over right; None where dimension, currency or sign do not allow it."""
        if left.dimension != right.dimension or right.value <= 0:
            return None
        return left.value / right.value

    def supplied_quotient(self, left: str, right: str, owner: str, when: Period | None) -> float | None:
        """Return left over right as a given ratio states it, in either orientation."""
        for (over, under), turned in (((left, right), False), ((right, left), True)):
            for name in QUOTIENTS.get((over, under), ()):
                for item in self.find(name, owner, when):
                    value = item.value + (1 if name in DISTANCES else 0)
                    if not turned:
                        return value
                    if value:
                        return 1 / value
        return None

    def series(self, name: str, owner: str) -> list[Figure]:
        """Return the yearly figures of that name, oldest first."""
        items = [i for i in self.known.get((owner, name), ()) if i.period and i.period.year and not i.quarterly]
        by_year = {i.period.year: i for i in items if i.period and i.period.quarter is None and i.period.half is None}
        return [by_year[year] for year in sorted(year for year in by_year if year)]

    def quarters(self, name: str, owner: str, year: int | None = None) -> list[Figure]:
        """Return the quarterly figures of that name, of one year or all, oldest first."""
        items = [i for i in self.known.get((owner, name), ()) if i.period and i.period.quarter and i.period.year]
        found = [i for i in items if i.period and year in (None, i.period.year)]
        return sorted(found, key=age)

    def before(self, name: str, owner: str, newer: Figure) -> list[Figure]:
        """Return the previous year's figure; for a quarter the previous quarter and the same quarter a year before."""
        period = newer.period
        if period is None or period.year is None:
            return []
        if period.half is not None:
            earlier = Period(period.year - (period.half == 1), half=3 - period.half)
            return list(_of(earlier, self.known.get((owner, name), ())))
        if newer.quarterly or period.quarter is None:
            return list(_of(Period(period.year - 1), self.known.get((owner, name), ()))) if not newer.quarterly else []
        before = Period(period.year - 1, 4) if period.quarter == 1 else Period(period.year, period.quarter - 1)
        items = self.known.get((owner, name), ())
        return [*_of(before, items), *_of(Period(period.year - 1, period.quarter), items)]


def _of(when: Period, items: Sequence[Figure]) -> Sequence[Figure]:
    """Filter by date; a year means the whole year."""
    if when.quarter is not None:
        return [i for i in items if _in_quarter(when, i)]
    if when.half is not None:
        halves = [i for i in items if i.period and i.period.half == when.half]
        return [i for i in halves if i.period and when.year in (None, i.period.year)]
    yearly = [i for i in items if i.period and i.period.quarter is None and i.period.half is None and not i.quarterly]
    return [i for i in yearly if i.period and when.year == i.period.year and when.month in (None, i.period.month)]


def _in_quarter(when: Period, item: Figure) -> bool:
    if item.quarterly:
        return when.quarter == 0
    own = item.period
    return own is not None and own.quarter == when.quarter and when.year in (None, own.year)


def age(item: Figure) -> tuple[int, int]:
    """Sort key by date; a year sorts after its quarters."""
    period = item.period or Period()
    return period.year or 0, period.quarter or 5

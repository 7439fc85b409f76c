"""Hours of the week: day and time of a moment in the zone of its users, and windows in which a machine is to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DAY = 86400.0
WEEK = 7 * DAY
THURSDAY = 3  # of 1970-01-01, with Monday as 0
WEEKEND = (5, 6)


def weekday(at: float) -> int:
    """Return the day of the week of a local Unix time, Monday as 0."""
    return (int(at // DAY) + THURSDAY) % 7


def time_of_day(at: float) -> float:
    """Return the seconds since midnight of a local Unix time."""
    return at % DAY


def same_kind(one: int, other: int) -> bool:
    """Return whether both days of the week are working days, or both are not."""
    return (one in WEEKEND) == (other in WEEKEND)


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the week and times of the day, in seconds of local time, in which the machine runs."""

    days: frozenset[int]
    begin: float
    end: float

    def __post_init__(self) -> None:
        """Reject an empty window, and one that ends on another day. Raises ValueError."""
        if not self.days or not 0 <= self.begin < self.end <= DAY or not self.days <= frozenset(range(7)):
            raise ValueError(f"not a window of a week: {self}")

    def left(self, at: float) -> float:
        """Return the seconds until it ends, 0 outside of it."""
        clock = time_of_day(at)
        return self.end - clock if weekday(at) in self.days and self.begin <= clock < self.end else 0.0

    def until_next(self, at: float) -> float:
        """Return the seconds until it begins again; never 0."""
        midnight = at - time_of_day(at)
        starts = (midnight + ahead * DAY + self.begin for ahead in range(9) if weekday(at + ahead * DAY) in self.days)
        return next(start - at for start in starts if start > at)


def left(windows: Sequence[Window], at: float) -> float:
    """Return the seconds until the last of the windows that are open ends, 0 if none is."""
    return max((window.left(at) for window in windows), default=0.0)


def next_window(windows: Sequence[Window], at: float) -> tuple[float, float]:
    """Return when the next window begins, and its length in seconds. ValueError without one."""
    if not windows:
        raise ValueError("a schedule has no window")
    ahead, window = min(((one.until_next(at), one) for one in windows), key=lambda pair: pair[0])
    return at + ahead, window.end - window.begin

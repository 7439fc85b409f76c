"""Patterns of requests: a public trace, thinned, and synthetic ones, each a function of its seed.

Times are seconds since a Monday, 0:00.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

HOUR, DAY = 3600.0, 86400.0
MONDAY = 4 * DAY  # of the first week of Unix time
WEEKS = 6  # of a synthetic pattern
OPENS, CLOSES = 9.0, 18.0  # office hours
PER_DAY = 12.0  # requests of a working day
ABSENT = 0.05  # share of working days without any
Pattern = Callable[[random.Random], list[float]]


def office(chance: random.Random) -> list[float]:
    """Monday to Friday, 9:00 to 18:00: the first within half an hour, the rest at random, a few at lunch."""
    return [at for day in range(7 * WEEKS) if day % 7 < 5 for at in _working_day(chance, day)]


def sparse(chance: random.Random) -> list[float]:
    """Poisson, two requests a day at any hour: nothing to learn but the rate."""
    return _poisson(chance, 2.0 / DAY, 0.0, 7 * WEEKS * DAY)


def bursts(chance: random.Random) -> list[float]:
    """Three bursts in two days at any hour, of 6 requests on average that are 8 minutes apart on average."""
    found = []
    for begin in _poisson(chance, 1.5 / DAY, 0.0, 7 * WEEKS * DAY):
        at = begin
        found.append(at)
        while chance.random() < 5 / 6:
            at += chance.expovariate(1 / 480.0)
            found.append(at)
    return found


def alternate(chance: random.Random) -> list[float]:
    """Office hours in every other week, and nothing in between."""
    return [at for at in office(chance) if int(at // (7 * DAY)) % 2 == 0]


def shifts(chance: random.Random) -> list[float]:
    """Two batches on each day of the week, at about 7:00 and 19:00, of four requests within a quarter of an hour."""
    found = []
    for day in range(7 * WEEKS):
        for hour in (7.0, 19.0):
            begin = day * DAY + hour * HOUR + chance.gauss(0.0, 600.0)
            found += [begin + chance.uniform(0.0, 900.0) for _ in range(4)]
    return found


def _working_day(chance: random.Random, day: int) -> list[float]:
    midnight = day * DAY
    if chance.random() < ABSENT:
        return []
    first = midnight + OPENS * HOUR + chance.uniform(0.0, HOUR / 2)
    rate = PER_DAY / ((CLOSES - OPENS) * HOUR)
    rest = _poisson(chance, rate, first, midnight + CLOSES * HOUR)
    lunch = (midnight + 12 * HOUR, midnight + 13 * HOUR)
    return [first, *(at for at in rest if not lunch[0] <= at < lunch[1] or chance.random() < 0.25)]


def _poisson(chance: random.Random, rate: float, begin: float, end: float) -> list[float]:
    found, at = [], begin
    while (at := at + chance.expovariate(rate)) < end:
        found.append(at)
    return found


SYNTHETIC: Mapping[str, Pattern] = {
    "office hours": office, "sparse": sparse, "bursts": bursts, "every other week": alternate, "two shifts": shifts,
}  # fmt: skip


def made(name: str, seed: int) -> list[float]:
    """Return the requests of a synthetic pattern, sorted."""
    return sorted(MONDAY + at for at in SYNTHETIC[name](random.Random(f"{name} {seed}")))


def read(path: Path) -> list[tuple[int, int]]:
    """Return the hours of a trace with their number of sessions. ValueError for anything but rows of two numbers."""
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines() if line and line[0].isdigit()]
    hours = [(int(hour), int(count)) for hour, count in rows]
    if not hours or any(later <= earlier for (earlier, _), (later, _) in pairwise(hours)):
        raise ValueError(f"{path} has no hours in order")
    return hours


def thinned(hours: Iterable[tuple[int, int]], share: float, seed: int) -> list[float]:
    """Return the requests of a trace, each kept with that chance, at random times within their hour."""
    chance = random.Random(f"{share} {seed}")
    times = [MONDAY + (hour + chance.random()) * HOUR for hour, count in hours for _ in range(count)]
    return sorted(at for at in times if chance.random() < share)


def lucky(seed: int) -> Callable[[int], float]:
    """Return a value in [0, 1[ for the number of each request, by which its GPU was taken or not."""
    chance = random.Random(f"luck {seed}")
    known: list[float] = []

    def luck(number: int) -> float:
        while len(known) <= number:
            known.append(chance.random())
        return known[number]

    return luck


def span(arrivals: Sequence[float], name: str) -> float:
    """Return when a pattern ends: with its weeks, or a trace with the hour of its last session."""
    if name in SYNTHETIC:
        return MONDAY + 7 * WEEKS * DAY
    return (arrivals[-1] // HOUR + 1) * HOUR

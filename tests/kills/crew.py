"""Some processes that play kill points side by side: a world mostly waits, so there may be more of them than cores."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context

from tests.kills.nursery import Nursery
from tests.kills.points import Point, Rehearsal, play, rehearse, share

_NURSERY: list[Nursery] = []


def _begin() -> None:
    _NURSERY.append(Nursery())
    atexit.register(_NURSERY[0].close)


def _rehearse(name: str) -> Rehearsal:
    return rehearse(name, _NURSERY[0])


def _play(name: str, number: int, when: str, rehearsal: Rehearsal) -> Point:
    return play(name, number, when, rehearsal.end, _NURSERY[0])


def play_all(pool: ProcessPoolExecutor, names: list[str], most: int = 0) -> Iterator[tuple[str, Rehearsal, list[Point]]]:
    rehearsals = dict(zip(names, pool.map(_rehearse, names), strict=True))
    orders: dict[str, list[Future[Point]]] = {}
    for name, rehearsal in rehearsals.items():
        points = share(rehearsal, most, name) if most else rehearsal.points()
        orders[name] = [pool.submit(_play, name, *point, rehearsal) for point in points]
    for name, rehearsal in rehearsals.items():
        yield name, rehearsal, sorted((f.result() for f in as_completed(orders[name])), key=lambda p: p.number)


def play_one(pool: ProcessPoolExecutor, name: str, number: int, when: str) -> Point:
    """A single point of a verb."""
    return pool.submit(_play, name, number, when, pool.submit(_rehearse, name).result()).result()


@contextmanager
def hired(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """That many of them, each with a nursery of its own; gone afterwards."""
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin) as pool:
        yield pool

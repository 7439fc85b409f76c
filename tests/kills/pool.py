"""Process pool for the test runs. Each one is mostly idle, so there may be more workers than CPUs."""

from __future__ import annotations

import atexit
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.kills import differential, fault_schedule
from tests.kills.points import Point, Rehearsal, play, rehearse, share
from tests.kills.runner import Nursery
from tests.kills.stage import Stage, stage
from tests.support.doubles import moto_s3

_NURSERY: list[Nursery] = []
_S3: list[tuple[Any, str]] = []


@dataclass(frozen=True, slots=True)
class Played:
    """Result of one fault run: its name, whether the fault was injected, and the failure, if any."""

    name: str
    struck: bool
    most: int
    wrong: str


def _begin() -> None:
    _NURSERY.append(Nursery())
    atexit.register(_NURSERY[0].close)


def _rehearse(name: str) -> Rehearsal:
    return rehearse(name, _NURSERY[0])


def _play(name: str, number: int, when: str, rehearsal: Rehearsal) -> Point:
    return play(name, number, when, rehearsal.end, _NURSERY[0])


def _staged(name: str, act: Callable[[Stage], bool]) -> Played:
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder) / "stage", _NURSERY[0]) as made:
        try:
            struck, wrong = act(made), ""
        except Exception as error:  # any exception is a failure
            struck, wrong = True, f"{type(error).__name__}: {error}"
        return Played(name, struck, made.most_at_once(), wrong)


def _twin(row: differential.Row) -> Played:
    def act(made: Stage) -> bool:
        came, expected = differential.real(row, made), differential.simulated(row)
        assert came == expected, f"came to {came}, and in the simulator to {expected}"
        return True

    return _staged(str(row), act)


def _chance(seed: int) -> Played:
    if not _S3:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = moto_s3.running()
        url = server.__enter__()  # until this process exits
        atexit.register(server.__exit__, None, None, None)
        _S3.append((moto_s3.client(url), url))
    chance = fault_schedule.drawn(seed)
    return _staged(str(chance), lambda made: fault_schedule.play(chance, made, _S3[0]).struck)


def twins_of(pool: ProcessPoolExecutor, rows: Iterable[differential.Row]) -> list[Played]:
    """Run each `Row` with real processes and in the simulator."""
    return list(pool.map(_twin, rows))


def chances_of(pool: ProcessPoolExecutor, seeds: Iterable[int]) -> list[Played]:
    """Run random faults by `seed`."""
    return list(pool.map(_chance, seeds))


def play_all(
    pool: ProcessPoolExecutor, names: list[str], most: int = 0, *, both: bool = False
) -> Iterator[tuple[str, Rehearsal, list[Point]]]:
    rehearsals = dict(zip(names, pool.map(_rehearse, names), strict=True))
    orders: dict[str, list[Future[Point]]] = {}
    for name, rehearsal in rehearsals.items():
        points = share(rehearsal, most, name) if most else rehearsal.points(both=both)
        orders[name] = [pool.submit(_play, name, *point, rehearsal) for point in points]
    for name, rehearsal in rehearsals.items():
        yield name, rehearsal, sorted((f.result() for f in as_completed(orders[name])), key=lambda p: p.number)


def play_one(pool: ProcessPoolExecutor, name: str, number: int, when: str) -> Point:
    """Run a single point of a command."""
    return pool.submit(_play, name, number, when, pool.submit(_rehearse, name).result()).result()


@contextmanager
def hired(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Create a pool of `jobs` workers, each with its own `Nursery`; shut down on exit."""
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin) as pool:
        yield pool

"""Kill points: send SIGKILL to a command at one `Effect`, run it again, and compare with a complete run."""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ert_deploy.ports import BackendProbe, GpuHost, StateStore, WebHost
from tests.kills import verbs
from tests.kills.invariants import books, end, nothing_lost
from tests.kills.runner import Nursery
from tests.kills.stage import Stage, stage

BEFORE, AFTER = "before", "after"
WRITES = frozenset(
    method.__qualname__
    for method in (
        StateStore.save, GpuHost.create, GpuHost.destroy, GpuHost.start, GpuHost.stop, WebHost.put_env,
        WebHost.delete_env, WebHost.deploy, BackendProbe.set_keys,
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A run without SIGKILL: the names of all effects in order, and the final state."""

    effects: tuple[str, ...]
    end: dict[str, Any]
    most: int

    def points(self, *, both: bool = False) -> list[tuple[int, str]]:
        """Return every point where the command can get SIGKILL.

        SIGKILL after a read is equivalent to SIGKILL before the next effect, as neither changes the environment. Such
        points are included only with `both`.
        """
        last = len(self.effects)
        numbered = enumerate(self.effects, 1)
        after = [(number, AFTER) for number, effect in numbered if both or _moves(effect) or number == last]
        return sorted([*after, *((number, BEFORE) for number in range(1, last + 1))])


@dataclass(frozen=True, slots=True)
class Point:
    """Result of one point. `wrong` is empty on success; `seconds` are real."""

    verb: str
    number: int
    when: str
    effect: str
    killed: bool
    most: int
    seconds: float
    wrong: str = ""


def rehearse(name: str, nursery: Nursery) -> Rehearsal:
    """Run the command to completion, and then again: the second run must be a no-op."""
    verb = verbs.ALL[name]
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder) / "stage", nursery) as made:
        verb.prepare(made)
        made.desk.ert(*verb.command)
        effects = tuple(made.desk.effects())
        _reckon(made, verb)
        seen = end(made)
        made.desk.ert(*verb.command)
        assert end(made) == seen, "doing it again changes something"
        return Rehearsal(effects, seen, made.most_at_once())


def play(name: str, number: int, when: str, expected: dict[str, Any], nursery: Nursery) -> Point:
    """Run one point."""
    verb, started = verbs.ALL[name], time.monotonic()
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder) / "stage", nursery) as made:
        verb.prepare(made)
        ended = made.desk.run(*verb.command, number=number, when=when)
        reached = made.desk.effects()
        wrong = ""
        try:
            assert ended.killed or ended.code == 0, f"ended with {ended.code} instead: {ended.said}"
            made.desk.ert(*verb.command)
            _reckon(made, verb)
            seen = end(made)
            assert seen == expected, f"came to {seen}, and without a kill to {expected}"
        except Exception as error:  # any exception is a failure
            wrong = f"{type(error).__name__}: {error}"
        most = made.most_at_once()
    effect = reached[number - 1] if len(reached) >= number else "-"
    return Point(name, number, when, effect, ended.killed, most, time.monotonic() - started, wrong)


def _reckon(made: Stage, verb: verbs.Verb) -> None:
    verb.check(made)
    books(made, verb.most)
    nothing_lost(made)


def share(rehearsal: Rehearsal, count: int, seed: str) -> list[tuple[int, str]]:
    """Return `count` points, chosen deterministically, preferably at writes."""
    points = rehearsal.points()
    random.Random(seed).shuffle(points)
    points.sort(key=lambda point: not _moves(rehearsal.effects[point[0] - 1]))
    return sorted(points[:count])


def _moves(effect: str) -> bool:
    return effect in WRITES

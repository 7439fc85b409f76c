"""An agent that is killed around an early start, and the one after it: the day's bound holds, and it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock, Thread

import pytest

from ert_deploy import stores
from ert_deploy.agent.keeper import Keeper
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.tending.early import UNDER_WAY
from ert_deploy.app.tending.uses import Uses
from ert_deploy.app.waking.session import Ended
from ert_deploy.core.idle.hours import DAY
from ert_deploy.core.idle.kept import OPEN, USED, Kept
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.store_ports import NoticeMemory
from tests.support.agent.kills import Killer, is_served
from tests.support.agent.served import eventually, keeper
from tests.support.agent.shared import nothing, shared
from tests.support.agent.usual import BUDGET, DUE, HOUR, TODAY, learning, stop
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.sleep import awake

QUICK = 0.02  # real seconds between two looks
LOOKS = 5  # in which anything that needs two of them has happened
TRAFFIC = (WANTED.launch.image_gb + WANTED.launch.model_gb) * 0.005  # $ of another machine, at the price of its offer
IDLE = 1200.0  # s until the guard stops the machine
# What the start finds, and some of its kill points: after so many changes.
EARLY = {"free": (1, 2), "taken": (5, 6, 8), "moved": (3, 5)}
Noting = Callable[[], None]


class _Memory:
    """The document of uses, with a function before each write."""

    def __init__(self, memory: NoticeMemory, before: Noting) -> None:
        self._memory, self._before = memory, before

    def change(self, change: Callable[[frozenset[str]], frozenset[str]]) -> frozenset[str]:
        """Change it."""

        def noted(lines: frozenset[str]) -> frozenset[str]:
            after = change(lines)
            if after != lines:
                self._before()
            return after

        return self._memory.change(noted)


@dataclass
class Play:
    """One world and its deployment, as the agent sees it that is killed, and as the next one does."""

    made: FakeWorld
    first: Deployment
    second: Deployment

    def kept(self) -> Kept:
        """Return what is stored of the early starts. They never exceed the budget of the day."""
        found = Uses(self.second)
        found.read()
        assert not found.trouble
        assert found.kept.spent(self.made.clock.time) <= BUDGET
        assert self.made.gpu.most_paid <= 2
        return found.kept

    def looked(self) -> Callable[[], bool]:
        """Return whether there were several looks since now."""
        calls = self.made.gpu.faults.calls
        before = calls.count("list")
        return lambda: calls.count("list") > before + LOOKS

    def begun(self) -> int:
        """Return how often a machine began to run since yesterday's report."""
        return sum(one.starts for one in self.made.gpu.instances.values()) + len(self.made.gpu.instances) - 1


def calls_of(folder: Path, scene: str) -> int:
    """Return how many changes there are around an early start that is not killed, the first request included."""
    counter = Killer(10**6)
    play = _play(folder, scene, counter)
    with _killable(play, counter) as one:
        _early(play, one, counter)
    assert [early.end for early in play.kept().early] == [USED]
    assert _is_up(play.made)
    return counter.done


def killed_at(folder: Path, scene: str, count: int) -> None:
    """Kill an agent after so many changes, start another one, and play until the next day's report."""
    killer = Killer(count)
    play = _play(folder, scene, killer)
    with _killable(play, killer) as one:
        _early(play, one, killer)
    made, second = play.made, keeper(play.second, every=QUICK)[0]
    play.kept()
    made.clock.time += UNDER_WAY + 60
    second.begin()
    try:
        eventually(
            lambda: second.view.flight is None and (_is_up(made) or not (play.kept().open or made.gpu.running()))
        )
        _looks(play, second)
        used = USED in [early.end for early in play.kept().early]
        _ends_unused(play, second, used=used)
        assert play.begun() <= 1, "one start a day"
        made.clock.time = max(made.clock.time, TODAY + DAY + DUE)
        _looks(play, second)
        eventually(lambda: second.ask().result().status == 200 and second.view.flight is None)
        eventually(lambda: _is_up(made))
        assert play.begun() <= 2
        play.kept()
    finally:
        second.end()


def _play(folder: Path, scene: str, before: Killer) -> Play:
    made, lock = awake(), RLock()
    first, second = (
        replace(one, settings=replace(one.settings, state=folder / "ert.json"))
        for one in (shared(made, before, lock=lock), shared(made, nothing, lock=lock))
    )
    second = learning(second)
    stop(made, TODAY + 14 * HOUR)
    made.gpu.only().taken, made.gpu.only().moves = scene == "taken", 1000 * (scene == "moved")
    return Play(made, replace(first, settings=second.settings), second)


@contextmanager
def _killable(play: Play, killer: Killer) -> Iterator[Keeper]:
    """Run an agent whose look ends silently when it is killed."""
    one, _ = keeper(play.first, every=QUICK)
    real = stores.notice_memory

    def memory(*args: object) -> _Memory:
        return _Memory(real(*args), lambda: killer("uses", "save"))  # type: ignore[arg-type]

    def keep() -> None:
        with suppress(Ended):
            one._keep()

    one._thread = Thread(target=keep, daemon=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stores, "notice_memory", memory)
        one.begin()
        yield one
        if (flight := one.view.flight) is not None:
            flight.join(20.0)
        one.end()
        one._thread.join(20.0)


def _early(play: Play, one: Keeper, killer: Killer) -> None:
    """Play the first agent until the request at the usual hour, or until it is killed."""
    made = play.made
    eventually(play.looked())
    assert not play.kept().early
    made.clock.time = TODAY + DUE
    eventually(lambda: killer.over or (_is_up(made) and one.view.flight is None))
    if not killer.over:
        assert [early.end for early in play.kept().early] == [OPEN]
        made.backend.reported = Figures(idle=0.0, active=1)
        eventually(lambda: killer.over or play.kept().open is None)


def _ends_unused(play: Play, second: Keeper, *, used: bool) -> None:
    """Have the guard stop a machine that runs; what it really cost unused is in the figures of the day."""
    made = play.made
    made.backend.reported = Figures()
    if not made.gpu.running():
        return
    machine = made.gpu.only()
    stop(made, max(made.clock.time, machine.made) + IDLE)
    cost = machine.dph * (made.clock.time - machine.made) / HOUR + TRAFFIC * (len(made.gpu.instances) - 1)
    eventually(lambda: play.kept().open is None)
    _looks(play, second)
    assert used or play.kept().spent(made.clock.time) >= cost


def _looks(play: Play, second: Keeper) -> None:
    done = play.looked()
    eventually(lambda: done() and second.view.flight is None)


def _is_up(made: FakeWorld) -> bool:
    return bool(made.gpu.running()) and is_served(made)

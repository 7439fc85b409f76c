"""An agent that is killed in the middle of a wake, and the one that is started after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ert_deploy.app.waking.session import Ended
from tests.support.agent.served import eventually, keeper
from tests.support.agent.shared import shared
from tests.support.fakes.history import is_up
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.sleep import asleep

# Calls of a run that change something: a kill before a read is as one after the last change.
MOVES = frozenset(
    {"save", "create", "start", "stop", "destroy", "put_env", "delete_env", "deploy", "set_keys", "set_limits"}
)


@dataclass(frozen=True)
class Scene:
    """A sleeping deployment, and some of its kill points: after so many changes."""

    make: Callable[[], FakeWorld]
    points: tuple[int, ...]


def _taken() -> FakeWorld:
    made = asleep()
    made.gpu.only().taken = True
    return made


def _moved() -> FakeWorld:
    made = asleep()
    made.gpu.only().moves = 1000
    return made


SCENES = {
    "free": Scene(asleep, (0, 1, 2)),
    "taken": Scene(_taken, (2, 3, 4, 5, 6, 9)),
    "moved": Scene(_moved, (2, 3, 4)),
}


class Killer:
    """Lets so many changes through, and ends the run at the next one, as a kill does: nothing of it goes on."""

    def __init__(self, count: int) -> None:
        self.left, self.done, self.over = count, 0, False

    def __call__(self, _port: str, method: str) -> None:
        if method not in MOVES:
            return
        if self.left <= 0:
            self.over = True
            raise Ended
        self.left -= 1
        self.done += 1


def calls_of(scene: Scene) -> int:
    """Return how many changes a wake makes that is not killed."""
    made, counter = scene.make(), Killer(10**6)
    one, _ = keeper(shared(made, counter))
    one.begin()
    eventually(lambda: one.ask().result().status == 200 and one.view.flight is None)
    one.end()
    is_up(made)
    return counter.done


def killed_at(scene: Scene, count: int) -> None:
    """Kill an agent after so many changes, start another one, and have the app go on asking."""
    made, killer = scene.make(), Killer(count)
    first, _ = keeper(shared(made, killer))
    first.begin()
    first.ask().result()
    flight = first.view.flight
    if flight is not None:
        flight.join(20.0)
    first.end()
    second, said = keeper(shared(made), every=0.02)
    second.begin()
    eventually(lambda: second.ask().result().status == 200)
    eventually(lambda: second.view.flight is None and is_served(made))
    second.end()
    assert made.gpu.most_paid <= 2, said.notes
    is_up(made)


def is_served(made: FakeWorld) -> bool:
    """Whether one machine is left, and the app runs with it."""
    try:
        is_up(made)
    except (AssertionError, ValueError):
        return False
    return True

"""Member of a fleet: the run of one replica, advanced effect by effect, and what it does at the moment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import RUNNING, Desired
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.observed import Instance
from ert_deploy.engine.apply import Result
from ert_deploy.engine.effects import Effect, Effects
from ert_deploy.engine.run_context import RunMemory

READY = -math.inf  # it can go on at any time
BOOTS = (steps.WriteMarkers, steps.Rent, steps.AwaitBoot, steps.Wake)


@dataclass(slots=True)
class Member:
    """The run of one replica. It sleeps until `due`, in seconds of the steady clock, or is `held` before a deploy.

    `value` or `thrown` is what its last effect returned or raised, `listed` are the instances of its last list, and
    `published` means that it has written variables in this run.
    """

    replica: int
    wanted: Desired
    memory: RunMemory
    effects: Effects[Result]
    value: Any = None
    thrown: ErtError | None = None
    due: float = READY
    held: Effect | None = None
    listed: tuple[Instance, ...] = ()
    published: bool = False
    result: Result | None = None
    error: ErtError | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over, with a result or an error."""
        return self.result is not None or self.error is not None

    @property
    def boots(self) -> bool:
        """Whether a machine of it is being rented or started."""
        return not self.ended and self.wanted.phase is RUNNING and isinstance(self.memory.doing, BOOTS)

    @property
    def serves(self) -> bool:
        """Whether it has moved an app in this run, or had nothing to move."""
        return self.published or (self.result is not None and self.wanted.phase is RUNNING)

    @property
    def awaits_turn(self) -> bool:
        """Whether it does nothing until another replica has one instance."""
        return isinstance(self.memory.doing, steps.AwaitTurn) and self.memory.doing.until is None

    @property
    def awaits_others(self) -> bool:
        """Whether it has something to publish, and waits for replicas that boot."""
        return isinstance(self.memory.doing, steps.AwaitTurn) and self.memory.doing.until is not None

    @property
    def publishes(self) -> bool:
        """Whether it is between its first variable and its deploy."""
        return not self.ended and self.held is None and isinstance(self.memory.doing, steps.Publish | steps.Deploy)

    def resume(self) -> Effect | None:
        """Go on with the last result and return the next effect, or None at its end."""
        value, thrown, self.value, self.thrown = self.value, self.thrown, None, None
        try:
            return self.effects.send(value) if thrown is None else self.effects.throw(thrown)
        except StopIteration as done:
            self.result = done.value
        except ErtError as error:
            self.error = error
        return None

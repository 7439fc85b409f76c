"""Apps of a simulated machine that are late to take the guard's last message, or never."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ert_backend.guard.clouds.cloud import Call
from ert_backend.guard.last_word import MOST, LastWord
from ert_backend.guard.settings import GuardSettings

if TYPE_CHECKING:
    from tests.guard_schedules.world import World


class SlowApp(LastWord):
    """The last message to apps of which some are late: the order is delayed by as much as it may be."""

    def __init__(self, settings: GuardSettings, world: World) -> None:
        super().__init__(settings, world.log)
        self.world, self.slow, self.sent = world, random.Random(f"app of {world.seed}"), False

    def _thread(self, app: str, call: Call, seconds: float) -> None:
        self.world.counts["last message"] += 1
        self.sent = True
        assert self.world.house.switch.word.drain, "new work is admitted"

    def wait(self) -> None:
        """Let that time pass."""
        if self.sent:
            self.world.now += self.slow.choice((0.0, 0.1, MOST))
        self.sent = False

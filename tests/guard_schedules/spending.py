"""Use of one machine's budget, counted independently of the guard: its run time over all boots.

The guard may end it sooner: for the reserve, for the time in which it admits no work, for a minute of each boot, and
for suspensions, which its clock counts. It may end it later only while its disk takes no record: a minute in each boot.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ert_backend.base.allowance import SERVED, SPENT
from tests.guard_schedules.truth import SEES
from tests.job_schedules.disk import Disk

# Seconds of a boot that are lost or gained while the disk takes no record, with the order and its effect.
BLIND, AFTER = 80.0, 25.0


@dataclass
class Spending:
    """The budget of a machine: `allowed` is 0 without one. Times are awake seconds."""

    allowed: float = 0.0
    at_end: str = "stop"
    used: float = 0.0
    slept: float = 0.0
    boots: int = 0
    blind: set[int] = field(default_factory=set)
    lost: bool = False
    since: float | None = None
    ill_at: float = -1e9
    line: float = 0.0
    troubles: tuple[tuple[float, str], ...] = ()

    @classmethod
    def drawn(cls, seed: int) -> Spending:
        """Return the budget of a quarter of the machines, by numbers of their own: the others stay as they were."""
        draw = random.Random(f"budget {seed}")
        if seed % 4 != 2:
            return cls()
        budget = cls(draw.choice((120.0, 200.0, 400.0, 700.0, 1100.0)), draw.choice(("stop", "destroy")))
        at = draw.uniform(5, 300)
        if draw.random() < 0.3:  # its disk fails for long, and it restarts meanwhile
            restarts = [(at + draw.uniform(120, 140) * n, "restart") for n in range(1, 9)]
            budget.troubles = ((at, "disk dead"), *restarts, (at + draw.uniform(200, 1500), "disk well"))
        elif draw.random() < 0.2:
            budget.troubles = ((at, "disk loses its record"), (at, "restart"))
        return budget

    def variables(self) -> dict[str, str]:
        """Return the environment of its container."""
        return {"ERT_BUDGET_SECONDS": f"{self.allowed:.0f}", "ERT_AT_BUDGET": self.at_end} if self.allowed else {}

    def begins(self, now: float, disk: Disk) -> None:
        """A boot begins."""
        self.since = now
        self.boots += 1
        self.lost = self.lost or (SERVED in disk.files and not disk.files.get(SPENT))
        before = self.allowed - min(600.0, self.allowed / 4)
        most = self.used + self.slept + 60.0 * self.boots
        self.line = before if most < before and not self.blind else self.allowed

    def ends(self, now: float) -> None:
        """The boot ends."""
        self.used, self.since = self.run_time(now), None

    def run_time(self, now: float) -> float:
        """Return for how long it has run in all."""
        return self.used + (now - self.since if self.since is not None else 0.0)

    def look(self, now: float, disk: Disk) -> None:
        """Note whether its disk takes no record now."""
        if disk.trouble.full or disk.trouble.dead:
            self.ill_at = now
            self.blind.add(self.boots)

    def over(self, now: float) -> float:
        """Return by how many seconds it has run longer than it may in this boot; negative if it has not."""
        line = self.allowed if self.blind else self.line
        return self.run_time(now) - line - BLIND * len(self.blind) if self.allowed else -1.0

    def may_end_it(self, now: float) -> bool:
        """Whether an order may be one of the budget."""
        if not self.allowed:
            return False
        most = self.run_time(now) + self.slept + 60.0 * self.boots
        line = (self.allowed - min(600.0, self.allowed / 4)) * 0.9 - SEES
        return most >= line or self.lost or now - self.ill_at < AFTER

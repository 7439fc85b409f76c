"""One seeded schedule: reports are requested while machines stop, are outbid, crash, move and rotate their keys.

All random values are from one generator, and every event is recorded as a line, so that a seed gives one history.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from typing import Any

from ert_dashboard.backend.errors import BackendError
from tests.job_schedules.caller import Dashboard, Ending, repeat
from tests.job_schedules.machine import Machine, Mood
from tests.job_schedules.network import Published, Wire, submit
from tests.job_schedules.virtual import VirtualLoop
from tests.support.schedules import Played

KINDS = ("stop", "outbid", "kill", "crash", "move", "rotate", "redeploy")


class World:
    """Simulation of the provider and the operator around the machines."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.seed, self.loop = seed, loop
        self.random = random.Random(seed)
        self.played = Played(seed)
        draw = self.random
        self.mood = Mood(
            api_faults=draw.choice((0.0, 0.1, 0.3)),
            engine_faults=draw.choice((0.0, 0.0, 0.05)),
            section=draw.choice(((0.5, 3.0), (5.0, 25.0))),
            idle=draw.uniform(40, 120),
            deadline=draw.uniform(100, 200),
            lifetime=draw.choice((0.0, draw.uniform(200, 500))),
            drain_cap=draw.choice((20.0, 200.0)),
            grace=draw.choice((0.5, 4.0, 60.0)),
        )
        self.machines: list[Machine] = []
        self.quiet = False
        self.late: list[asyncio.Task[None]] = []
        self.published = self._rent(self._key())
        self.wire = Wire(loop, draw, draw.choice((0.0, 0.02, 0.1)), self.note)
        self.dashboard = Dashboard(self.wire, "first", REQUEST, self.published)
        self.endings: dict[str, Ending] = {"first": self.dashboard.ending}

    def note(self, what: str) -> None:
        """Append one line to the history."""
        self.played.history.append(f"{self.loop.time():.6f} {what}")

    def _key(self) -> bytes:
        return f"ert-{self.random.getrandbits(64):x}".encode()

    def _rent(self, key: bytes) -> Published:
        accepted = (hashlib.sha256(key).digest(),)
        machine = Machine(f"m{len(self.machines) + 1}", self.mood, self.random, accepted, self.played.broken, self.note)
        self.machines.append(machine)
        machine.arrivals = [self._arrive_between] * self.random.choice((0, 0, 1, 2))
        machine.start()
        return Published(machine, key)

    def publish(self, fresh: Published) -> None:
        """Set a new environment and redeploy: until the new process runs, the old one uses the old address and key."""
        self.published.machine, self.published.key = fresh.machine, fresh.key
        self.dashboard.redeploy()

    async def operate(self) -> None:
        """Start stopped machines and replace destroyed ones, at random intervals, while a client waits."""
        while not self.quiet:
            await asyncio.sleep(self.random.uniform(5, 40))
            machine = self.published.machine
            if machine.up or self.quiet:
                continue
            if machine.destroyed or self.random.random() < 0.3:
                self.publish(self._rent(self.published.key))
            else:
                machine.start()

    async def trouble(self) -> None:
        """Apply a few faults to the deployment, at random times."""
        for kind in self.random.choices(KINDS, k=self.random.choice((0, 1, 2, 3))):
            await asyncio.sleep(self.random.uniform(1, 60))
            self.played.counts[kind] += 1
            self.note(kind)
            await self._happens(kind)

    async def _happens(self, kind: str) -> None:
        machine = self.published.machine
        if kind in ("move", "rotate"):
            key = self.published.key if kind == "move" else self._key()
            fresh = self._rent(key)
            await asyncio.sleep(self.random.uniform(0, 30))
            self.publish(fresh)
            await asyncio.sleep(self.random.uniform(0, 20))
            machine.terminate(destroy=True)
        elif kind == "redeploy":
            self.dashboard.redeploy()
        elif kind == "crash":
            machine.crash_app()
        elif machine.up:
            machine.overdue = True
            machine.terminate(at_once=kind == "kill", destroy=kind == "outbid" and self.random.random() < 0.5)

    async def others(self) -> None:
        """Run more clients, each with its own id."""
        tasks = []
        for number in range(self.random.choice((0, 1, 1, 2, 4))):
            await asyncio.sleep(self.random.uniform(0, 150))
            report_id = f"other-{number}"
            ending = self.endings[report_id] = Ending()
            tasks.append(self.loop.create_task(repeat(self.wire, report_id, REQUEST, self.published, ending)))
        await asyncio.gather(*tasks)

    def _arrive_between(self) -> None:
        """Submit an unexpected report during a guard step; its client polls it like the others."""
        if self.quiet:
            return
        report_id = f"late-{len(self.late)}"
        ending = self.endings[report_id] = Ending()
        with contextlib.suppress(BackendError):
            self.wire.exchange(self.published, lambda app: submit(app, {"id": report_id, **REQUEST}))
        self.note(f"{report_id} arrives")
        self.late.append(self.loop.create_task(repeat(self.wire, report_id, REQUEST, self.published, ending)))


REQUEST: dict[str, Any] = {
    "ticker": "AAPL",
    "company_data": {},
    "financial_data": {},
    "market_data": None,
    "sections": ["risk_analysis"],
}

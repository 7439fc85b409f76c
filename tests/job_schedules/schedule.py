"""One seeded schedule: reports are asked for while machines stop, are taken, crash, move and get new keys.

Checked in each: every report ends exactly once for who asked, with its own text or with a reason that was drawn; no
process writes one id twice; nothing is stopped in the middle of a report before the drain cap; and when all is quiet
the machine stops itself within a minute of its idle time, which also shows that no report is counted for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ert_backend import clock
from ert_dashboard.backend_client import BackendError
from tests.job_schedules.caller import Dashboard, Ending, Published, Wire, repeat, submit
from tests.job_schedules.machine import Machine, Mood
from tests.job_schedules.virtual import VirtualLoop

# Reasons a report may end without a text: the model's own failures, and limits that were really reached.
EXPLICIT = re.compile(
    r"the model stopped|deadline|the backend lost the report again and again|the report took too long"
)
KINDS = ("stop", "outbid", "kill", "crash", "move", "rotate", "redeploy")
HOUR = 3600.0


@dataclass
class Played:
    """What one schedule came to."""

    seed: int
    broken: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class World:
    """The provider and the operator around the machines."""

    def __init__(self, seed: int, loop: VirtualLoop, folder: Path) -> None:
        self.seed, self.loop, self.folder = seed, loop, folder
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
        self.machines = 0
        self.quiet = False
        self.late: list[asyncio.Task[None]] = []
        self.published = self._rent(self._key())
        self.wire = Wire(loop, draw, draw.choice((0.0, 0.02, 0.1)))
        self.dashboard = Dashboard(self.wire, "first", REQUEST, self.published)
        self.endings: dict[str, Ending] = {"first": self.dashboard.ending}

    def _key(self) -> bytes:
        return f"ert-{self.random.getrandbits(64):x}".encode()

    def _rent(self, key: bytes) -> Published:
        self.machines += 1
        disk = self.folder / f"m{self.machines}"
        disk.mkdir()
        accepted = (hashlib.sha256(key).digest(),)
        machine = Machine(disk, self.mood, self.random, accepted, self.played.broken)
        machine.arrivals = [self._arrive_between] * self.random.choice((0, 0, 1, 2))
        machine.start()
        return Published(machine, key)

    def publish(self, fresh: Published) -> None:
        """A new environment and a redeploy: until the new process runs, the old one uses the old address and key."""
        self.published.machine, self.published.key = fresh.machine, fresh.key
        self.dashboard.redeploy()

    async def operate(self) -> None:
        """Wakes what sleeps and replaces what is gone, while somebody waits; a look takes its time."""
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
        """A few things that happen to a deployment, at drawn times."""
        for kind in self.random.choices(KINDS, k=self.random.choice((0, 1, 2, 3))):
            await asyncio.sleep(self.random.uniform(1, 60))
            self.played.counts[kind] += 1
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
        """More callers, each with an id of its own."""
        tasks = []
        for number in range(self.random.choice((0, 1, 1, 2, 4))):
            await asyncio.sleep(self.random.uniform(0, 150))
            report_id = f"other-{number}"
            ending = self.endings[report_id] = Ending()
            tasks.append(self.loop.create_task(repeat(self.wire, report_id, REQUEST, self.published, ending)))
        await asyncio.gather(*tasks)

    def _arrive_between(self) -> None:
        """A report nobody expected, while the guard makes up its mind; whoever sent it follows it like the others."""
        report_id = f"late-{len(self.late)}"
        ending = self.endings[report_id] = Ending()
        with contextlib.suppress(BackendError):
            self.wire.exchange(self.published, lambda app: submit(app, {"id": report_id, **REQUEST}))
        self.late.append(self.loop.create_task(repeat(self.wire, report_id, REQUEST, self.published, ending)))


REQUEST: dict[str, Any] = {
    "ticker": "AAPL",
    "company_data": {},
    "financial_data": {},
    "market_data": None,
    "sections": ["risk_analysis"],
}


def play(seed: int, loop: VirtualLoop, folder: Path) -> Played:
    """One schedule from its seed; its violations are in `broken`."""
    loop.begin()
    world = loop.run_until_complete(_made(seed, loop, folder))
    try:
        _ask(world)
        _quieten(world)
        _judge(world)
    except Exception as error:
        world.played.broken.append(f"{type(error).__name__}: {error}")
    finally:
        loop.clear()
        for entry in folder.iterdir():
            shutil.rmtree(entry)
    return world.played


async def _made(seed: int, loop: VirtualLoop, folder: Path) -> World:
    return World(seed, loop, folder)


def _ask(world: World) -> None:
    loop = world.loop
    tasks = [loop.create_task(work) for work in (world.operate(), world.trouble(), world.others())]
    loop.run_until_complete(asyncio.sleep(world.random.uniform(0, 100)))
    world.dashboard.ask()
    loop.run_until_complete(asyncio.wait(tasks[1:], timeout=2 * HOUR))
    loop.run_until_complete(asyncio.sleep(world.mood.idle + 30.0))
    if world.late:
        loop.run_until_complete(asyncio.wait(world.late, timeout=2 * HOUR))
    if not all(task.done() for task in [*tasks[1:], *world.late]):
        world.played.broken.append("somebody still waits after two hours")


def _quieten(world: World) -> None:
    """Nobody asks any more: the machine that is left has to find that out by itself."""
    world.quiet = True
    mood, machine = world.mood, world.published.machine
    machine.arrivals.clear()
    if not machine.up:
        return
    app = machine.serving
    if app is not None and app.ledger.record.in_flight != app.unfinished():
        counted = app.ledger.record.in_flight
        world.played.broken.append(f"{counted} reports are counted as in flight, and there are {app.unfinished()}")
    # A minute after the rule, and the half one that a model may take to load.
    until = world.loop.time() + max(mood.idle, mood.deadline) + 60.0 + 30.0
    while machine.up and world.loop.time() < until:
        world.loop.run_until_complete(asyncio.sleep(5.0))
    if machine.up:
        world.played.broken.append("nobody asks any more, and it did not stop itself")


def _judge(world: World) -> None:
    played = world.played
    for report_id, ending in world.endings.items():
        if ending.count != 1:
            played.broken.append(f"{report_id} ended {ending.count} times")
        elif ending.result is not None:
            played.counts["written"] += 1
            if ending.result["sections"] != {"risk_analysis": "AAPL"}:
                played.broken.append(f"{report_id} got another report's text")
        else:
            played.counts[f"failed: {ending.why[:40]}"] += 1
            if not EXPLICIT.search(ending.why):
                played.broken.append(f"{report_id} was lost: {ending.why}")


@contextmanager
def virtual_time() -> Iterator[VirtualLoop]:
    """A loop whose time the product's boot clock reads."""
    loop = VirtualLoop()
    clock.drive(loop.time)
    try:
        yield loop
    finally:
        clock.drive(None)
        loop.close()

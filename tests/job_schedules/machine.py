"""Simulation of a rented machine: the app's queue and record, the guard's off-switch, one disk.

`reports.jobs`, `base.activity`, `guard.off_switch` and `guard.rules` are real, on a virtual clock; the process around
them, the provider and the model are simulated. A killed process keeps its objects, but they have no effect any more.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ert_backend.__main__ import drain
from ert_backend.base.activity import BEAT, Ledger, OffSwitch
from ert_backend.base.board import Half
from ert_backend.base.claim import Claim
from ert_backend.base.clock import MoneyClock, boot_seconds
from ert_backend.base.report_request import ReportRequest
from ert_backend.engine.protocol import EngineDown, EngineFailed
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.clouds.cloud import Outcome
from ert_backend.guard.off_switch import Switch
from ert_backend.guard.rules import Action
from ert_backend.guard.settings import GuardSettings
from ert_backend.reports.jobs import Jobs
from ert_backend.service import Service
from tests.job_schedules.disk import Disk
from tests.support.backend.one_board import OneBoard

TOKEN = "0" * 32


@dataclass(frozen=True)
class Mood:
    """The faults of one schedule: probabilities per opportunity, and times in seconds."""

    api_faults: float
    engine_faults: float
    section: tuple[float, float]
    idle: float
    deadline: float
    lifetime: float
    drain_cap: float
    grace: float


class App:
    """One process of the app; its state is lost with it."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.dead, self.gone = machine, False, asyncio.Event()
        self.written: Counter[str] = Counter()
        self.ready = False
        self.ledger = _Ledger(self)
        self.jobs = Jobs(self._write, self.ledger, machine.random.randint(1, 4), 120.0, 900.0)
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(work) for work in (self.jobs.work(), self._load(), self._beat())]

    async def _load(self) -> None:
        await asyncio.sleep(self.machine.random.uniform(1, 25))
        self.ready = True
        self.ledger.ready()

    async def _beat(self) -> None:
        while True:
            self.ledger.beat()
            await asyncio.sleep(BEAT)

    async def _write(self, request: ReportRequest, job_id: str, tell: Callable[[str, dict[str, object]], None]) -> Any:
        self.written[job_id] += 1
        self.machine.note(f"{self.machine.name} writes {job_id}")
        if self.written[job_id] > 1:
            self.machine.broken.append(f"{job_id} was written twice by one process")
        draw, mood = self.machine.random, self.machine.mood
        for index in range(1, 4):
            tell("section_started", {"section": "risk_analysis", "index": index, "of": 3})
            await asyncio.sleep(draw.uniform(*mood.section))
            if draw.random() < mood.engine_faults:
                raise draw.choice((EngineDown, EngineFailed))("the model stopped")
            tell("section", {"section": "risk_analysis", "index": index, "of": 3, "text": "x"})
        return {
            "success": True,
            "report_id": job_id,
            "sections": {"risk_analysis": request.ticker},
            "generation_time": 1.0,
        }

    def kill(self) -> None:
        """SIGKILL: no later action has an effect."""
        self.dead = True
        self.gone.set()
        for task in self.tasks:
            task.cancel()

    async def drain(self) -> None:
        """SIGTERM: the same drain as `python -m ert_backend`."""
        await drain(cast(Service, SimpleNamespace(jobs=self.jobs)), self.machine.mood.grace)
        # the server ends its open responses before the process exits
        await asyncio.sleep(0.5)

    def unfinished(self) -> int:
        return len(self.jobs.waiting) + (self.jobs.active is not None)


class _Ledger(Ledger):
    """The real ledger; the guard may run between its two steps, and a dead process writes no data."""

    def __init__(self, app: App) -> None:
        self.app = app
        super().__init__(_Page(app), app.machine.settings.run, TOKEN, app.machine.folder)

    def draining(self) -> bool:
        # `begin` has recorded a report in flight and is about to check the flag: the guard may run just before that.
        self.app.machine.look_between()
        return super().draining()


class _Page(OneBoard):
    """The machine's `Board` as seen by one app process."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self.app = app
        self._own = app.machine.board._own

    def write(self, half: Half, word: Mapping[str, Any]) -> None:
        if not self.app.dead:
            super().write(half, word)


class _Switch(Switch):
    """The real off-switch; a report may arrive just before its flag is set, or just after."""

    between: Callable[[], None]

    def _drain(self) -> None:
        self.between()
        super()._drain()
        self.between()


@dataclass
class Machine:
    """One instance. `accepted`: hashes of keys. `arrivals`: events that may happen between two steps of the guard."""

    name: str
    mood: Mood
    random: random.Random
    accepted: tuple[bytes, ...]
    broken: list[str]
    note: Callable[[str], None]
    up: bool = False
    destroyed: bool = False
    app: App | None = None
    folder: Path = field(default_factory=lambda: cast(Path, Disk()))
    board: OneBoard = field(init=False)
    settings: GuardSettings = field(init=False)
    switch: _Switch = field(init=False)
    arrivals: list[Callable[[], None]] = field(default_factory=list)
    begun: int = 0
    looking: bool = False
    overdue: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Start the container: first the guard, which clears the flag of the previous boot, then the app."""
        mood = self.mood
        env = {
            "ERT_IDLE_STOP": str(mood.idle),
            "ERT_BOOT_DEADLINE": str(mood.deadline),
            "ERT_DRAIN_CAP": str(mood.drain_cap),
            "ERT_MAX_LIFETIME": str(mood.lifetime),
            "ERT_TOKEN": TOKEN,
            "CONTAINER_ID": "1",
            "CONTAINER_API_KEY": "k",
        }
        run = f"{self.random.getrandbits(64):016x}"
        self.settings = replace(guard_settings.load(env), run=run, data_dir=self.folder)
        self.board = OneBoard()
        self.up, self.overdue = True, False
        self.note(f"{self.name} starts")
        self.begun += 1
        self.switch = _Switch(
            self.settings,
            MoneyClock(),
            lambda _: None,
            lambda _: self.serving is not None,
            self.board,
            Claim(self.folder, TOKEN),
            self._ask,
            lambda _: OffSwitch.PROVEN,
        )
        self.switch.read_disk()
        self.switch.between = self._arrive
        self.app = App(self)
        self.tasks = [task for task in self.tasks if not task.done()]
        self.tasks.append(asyncio.get_running_loop().create_task(self._guard(self.begun)))

    @property
    def serving(self) -> App | None:
        """The app, while its process is running."""
        return self.app if self.up and self.app is not None and not self.app.dead else None

    async def _guard(self, boot: int) -> None:
        while self.up and self.begun == boot:
            self.looking = True
            pause = self.switch.tick()
            self.looking = False
            await asyncio.sleep(pause)

    def look_between(self) -> None:
        """Run the guard's tick during an admission, unless that tick itself caused it."""
        if self.up and not self.looking and self.random.random() < 0.3:
            self.looking = True
            self.switch.tick()
            self.looking = False

    def _arrive(self) -> None:
        if self.arrivals and self.random.random() < 0.5:
            self.arrivals.pop()()

    def _ask(self, _: GuardSettings, action: Action) -> Outcome:
        """Act as the provider: a response is lost or late with probability `api_faults`; half of these take effect."""
        self._check_order(action)
        self.note(f"{self.name} asks to {action}")
        faulty = self.random.random() < self.mood.api_faults
        if not faulty or self.random.random() < 0.5:
            boot, loop = self.begun, asyncio.get_running_loop()
            loop.call_later(self.random.uniform(0.1, 20), self._effect, boot, action)
        return Outcome(not faulty, "as drawn")

    def _check_order(self, action: Action) -> None:
        app = self.serving
        if app is None or not app.unfinished():
            return
        switch, mood = self.switch, self.mood
        due = [mood.lifetime] + ([mood.deadline] if switch.memory.ready_at is None else [])
        # A report may be cut only by a lifetime (or a boot that never ended), and only after the drain cap.
        if action is Action.DESTROY or switch.clock.now() < min(due) + mood.drain_cap:
            at = f"{switch.clock.now():.0f} s"
            self.broken.append(f"asked to {action} at {at} with {app.unfinished()} reports unfinished")
        self.overdue = True

    def _effect(self, boot: int, action: Action) -> None:
        if self.up and self.begun == boot:
            app = self.serving
            if app is not None and app.unfinished() and not self.overdue:
                self.broken.append(f"{action} took effect with {app.unfinished()} reports unfinished")
            self.terminate(destroy=action is Action.DESTROY)

    def terminate(self, *, destroy: bool = False, at_once: bool = False) -> None:
        """Stop the container: SIGTERM to the guard and the grace period, or SIGKILL."""
        self.destroyed = self.destroyed or destroy
        if at_once or self.app is None or self.app.dead:
            self._off()
        else:
            self.tasks.append(asyncio.get_running_loop().create_task(self._shut_down(self.app)))

    async def _shut_down(self, app: App) -> None:
        self.switch.speak(drain=True)
        await app.drain()
        self._off()

    def _off(self) -> None:
        self.up = False
        self.note(f"{self.name} is off")
        if self.app is not None:
            self.app.kill()

    def crash_app(self) -> None:
        """Kill only the app process; the guard starts another one after its backoff."""
        if self.serving is not None and self.app is not None:
            self.app.kill()
            self.switch.note()
            boot = self.begun
            asyncio.get_running_loop().call_later(1.0, self._again, boot)

    def _again(self, boot: int) -> None:
        if self.up and self.begun == boot:
            self.app = App(self)

    def age(self) -> float:
        """Return the seconds since this boot."""
        return boot_seconds() - self.switch.clock.origin

"""Simulation of one machine: the guard's loop, switch and engine care, the app's ledger, one `Board`, one disk.

`guard.__main__.House`, `guard.off_switch`, `guard.rules`, `guard.memory`, `guard.engine_care`, `guard.self_check`,
`base.activity`, `base.board`, `base.claim` and `engine.pulse` are real, on a virtual clock. Processes, disk,
log and provider are simulated, and fail as drawn.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, cast

from ert_backend.base.activity import Ledger, OffSwitch
from ert_backend.base.board import Half
from ert_backend.base.claim import CLAIMED, SERVED, Claim
from ert_backend.base.clock import MoneyClock
from ert_backend.engine.bring_up import BringUp, Phase
from ert_backend.engine.pulse import Pulse
from ert_backend.guard.__main__ import FRESH, House
from ert_backend.guard.clouds.cloud import Outcome
from ert_backend.guard.engine_care import EngineCare, EngineWord
from ert_backend.guard.off_switch import Switch
from ert_backend.guard.rules import Action
from ert_backend.guard.settings import GuardSettings, load
from ert_backend.guard.supervisor import Child, Nursery
from tests.guard_schedules.slow_app import SlowApp
from tests.guard_schedules.spending import Spending
from tests.guard_schedules.truth import Boot, Limits
from tests.job_schedules.disk import Disk
from tests.support.backend.one_board import OneBoard

TOKEN = "0" * 32
LOOK = 10.01  # slightly more than a tick, so that one is due at every call
HONEST, FAILS, REFUSES, LIES = "honest", "fails", "refuses", "lies"


@dataclass
class Engine:
    """The engine process: `hang` is empty, `mute` (no response to a prompt) or `stopped` (no response at all)."""

    started: float
    name: str = "engine"
    alive: bool = True
    hang: str = ""
    undead_until: float = 0.0


@dataclass
class App:
    """One process of the app; its state is lost with it. `hung_at`: since when it hangs, awake clock."""

    pid: int
    ledger: Ledger
    state: BringUp
    pulse: Pulse = field(default_factory=Pulse)
    hung_at: float | None = None
    flying: list[float] = field(default_factory=list)
    page: Page | None = None
    waits: list[object] = field(default_factory=list)
    dead: bool = False


class Page(OneBoard):
    """The `Board` as seen by one app process: its writes are dropped since `lost` (awake time)."""

    def __init__(self, board: OneBoard) -> None:
        super().__init__()
        self._own = board._own
        self.lost: float | None = None

    def write(self, half: Half, word: Mapping[str, Any]) -> None:
        if self.lost is None:
            super().write(half, word)


class _House(House):
    """The guard's loop with a switch without a thread: its steps run in `tend`."""

    def arm(self) -> None:
        """Start no thread."""


class World:
    """The complete state, and the clock. `now` is awake time, `boot_clock()` the time that the guard reads."""

    def __init__(self, seed: int) -> None:
        self.seed, self.random = seed, random.Random(seed)
        draw = self.random
        self.limits = Limits(
            idle=draw.choice((0.0, 40.0, 90.0, 150.0, 90.0, 60.0)),
            deadline=draw.choice((60.0, 120.0, 200.0, 120.0, 0.0)),
            lifetime=draw.choice((200.0, 400.0, 900.0, 600.0)),
            cap=draw.choice((30.0, 60.0, 90.0)),
            hang=draw.choice((40.0, 70.0)),
        )
        self.spending = Spending.drawn(seed)
        self.now, self.offset = 1000.0, draw.uniform(0, 1e6)
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = count()
        self.disk, self.board = Disk(), OneBoard()
        self.provider, self.provider_since = HONEST, self.now
        self.log_broken = self.quiet = self.up = False
        self.destroyed = False
        self.claimed_ever = False
        self.boots = 0
        self.app: App | None = None
        self.broken: list[str] = []
        self.history: list[str] = []
        self.counts: Counter[str] = Counter()
        self.pids = count(100)
        self.kills = self.vain = 0
        self.token_at = 0.0
        self.refusals, self.refused_twice = 0, False
        self.admitted, self.ordered = 0.0, -1e9

    def boot_clock(self) -> float:
        """Return the time of this host's kernel."""
        return self.now + self.offset

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Schedule a callback after so many seconds of `now`."""
        heapq.heappush(self.events, (self.now + seconds, next(self.order), act))

    def note(self, text: str) -> None:
        self.history.append(f"{self.now - 1000:.1f} {text}")

    def start(self) -> None:
        """Start the container: a new guard without state, on the current disk."""
        self.boots += 1
        self.up = True
        self.spending.begins(self.now, self.disk)
        self.note(f"boot {self.boots}")
        self.board = OneBoard()
        self.app = None
        self.boot = Boot(self.boot_clock(), bool(self.disk.files))
        self.engine = Engine(self.boot_clock())
        self.kills, self.vain, self.token_at = 0, 0, 0.0
        self.refusals, self.refused_twice, self.ordered = 0, False, -1e9
        switch = Switch(
            self._settings(), MoneyClock(), self.log, self._is_alive, self.board,
            Claim(cast(Path, self.disk), TOKEN), self._ask, self._read,
        )  # fmt: skip
        switch.last_word = SlowApp(switch.settings, self)
        switch.read_disk()
        switch.meter.keep()
        kept = cast(Child, self.engine)
        care = EngineCare(self.limits.hang, self._word)
        self.house = _House(switch, cast(Nursery, self), kept, kept, care)
        boot = self.boots
        self.later(0.0, lambda: self._look(boot))
        self.later(self.random.uniform(0.5, 3), lambda: self._start_app(boot))

    def _settings(self) -> GuardSettings:
        limits = self.limits
        env = {
            "ERT_IDLE_STOP": str(limits.idle), "ERT_BOOT_DEADLINE": str(limits.deadline),
            "ERT_MAX_LIFETIME": str(limits.lifetime), "ERT_DRAIN_CAP": str(limits.cap),
            "ERT_TOKEN": TOKEN, "CONTAINER_ID": "1", "CONTAINER_API_KEY": "k", "ERT_APP_URLS": "https://app.example",
        }  # fmt: skip
        return load(env | self.spending.variables())

    def _look(self, boot: int) -> None:
        """Run the guard's main loop and the app's heartbeat in random order."""
        if not self.up or self.boots != boot:
            return
        steps = [self.beat, self.house.tend]
        if self.random.random() < 0.5:
            steps.reverse()
        for step in steps:
            step()
        self.later(LOOK, lambda: self._look(boot))

    def tend(self) -> None:
        """Keep no child processes: the schedule simulates them."""

    def kill(self, _: object) -> None:
        """Send SIGKILL to the engine; one that hangs in the kernel survives."""
        engine = self.engine
        self.note("the guard kills the engine")
        self.counts["engine killed"] += 1
        self.kills, self.vain = self.kills + 1, self.vain + 1
        lost = self.app is not None and self.app.page is not None and self.app.page.lost is not None
        hung = self.app is not None and self.app.hung_at is not None
        if (
            not lost
            and not hung
            and not engine.hang
            and self.boot_clock() - self.token_at < self.limits.hang
            and self.token_at
        ):
            self.broken.append("an engine that writes was killed")
        if self.now >= engine.undead_until:
            self.engine_dies()

    def engine_dies(self) -> None:
        """Cut the engine's responses; it is restarted a moment later."""
        self.engine.alive = False
        app = self.app
        if app is not None:
            self.reports_end(app)
            app.state.enter(Phase.STARTING, "it does not answer")
        boot = self.boots
        self.later(self.random.uniform(0.5, 4), lambda: self._engine_again(boot))

    def _engine_again(self, boot: int) -> None:
        if self.up and self.boots == boot:
            self.engine.alive, self.engine.hang, self.engine.started = True, "", self.boot_clock()
            self.later(self.random.uniform(1, 15), lambda: self._loaded(self.app))

    def _start_app(self, boot: int) -> None:
        if not self.up or self.boots != boot or self.app is not None:
            return
        if not self._certified():
            self.later(self.random.uniform(0.5, 30), lambda: self._start_app(boot))
            return
        pid = next(self.pids)
        page = Page(self.board)
        ledger = Ledger(page, self.house.switch.settings.run, TOKEN, cast(Path, self.disk))
        ledger._set(pid=pid)
        self.app = App(pid, ledger, BringUp("m"), page=page)
        app = self.app
        self.later(self.random.uniform(1, 25), lambda: self._loaded(app))

    def _certified(self) -> bool:
        """Whether a certificate exists: an app that cannot write one exits before it serves any request."""
        trouble = self.disk.trouble
        if SERVED not in self.disk.files and not (trouble.full or trouble.dead):
            self.disk.files[SERVED] = "pem"
        return SERVED in self.disk.files

    def _loaded(self, app: App | None) -> None:
        if app is None or app.dead or not self.engine.alive or self.engine.hang or app.state.ready:
            return
        if app.hung_at is not None:
            return
        self._token(app)
        app.state.enter(Phase.READY, "")
        app.ledger.ready()
        self.boot.ready = self.boot.ready or self.boot_clock()
        self.told(app)

    def _token(self, app: App) -> None:
        app.pulse.token()
        self.token_at, self.vain = self.boot_clock(), 0

    def worked(self, app: App) -> None:
        """Record progress of a report, whether or not the guard can observe it."""
        self.boot.work = self.boot_clock()
        self.told(app)

    def told(self, app: App) -> None:
        """Record that the app wrote its update."""
        if app.page is not None and app.page.lost is None:
            self.boot.tell()

    def crash_app(self) -> None:
        """Kill only the app process: the guard detects that, and starts another one."""
        if (app := self.app) is None:
            return
        self.note("the app crashes")
        app.dead, self.app = True, None
        # Updates that were not delivered are lost, except for the first claim on disk.
        told_by_disk = not self.boot.maybe_claimed_before and CLAIMED in self.disk.files.get(CLAIMED, "")
        claimed = self.boot.claimed if told_by_disk else self.boot.heard[0]
        self.boot = replace(self.boot.as_heard(), claimed=claimed)
        self.house.switch.note()
        boot, soon = self.boots, self.random.uniform(0.5, 8)
        # On some machines it takes long until an app can start again.
        self.later(soon if self.seed % 5 else 300.0, lambda: self._start_app(boot))

    def beat(self) -> None:
        """Send the app's heartbeat; a hung app sends none."""
        if (app := self.app) is None or app.hung_at is not None:
            return
        answers = self.engine.alive and self.engine.hang != "stopped"
        if not answers and app.state.phase is not Phase.STARTING:
            app.state.enter(Phase.STARTING, "it does not answer")
        elif answers and not self.engine.hang and not app.state.ready and self.engine.started + 1 < self.boot_clock():
            self._loaded(app) if self.random.random() < 0.5 else None
        app.ledger.beat(app.pulse.owes(app.state), app.pulse.heard)
        self.told(app)

    def request(self) -> None:
        """Request the status with a valid key."""
        if (app := self.app) is not None and app.hung_at is None and self.up:
            self.claimed_ever = True
            self.boot.claimed = self.boot.claimed or self.boot_clock()
            app.ledger.claim("a-key")
            self.told(app)

    def report(self) -> None:
        """Request a report with a valid key; it is written in steps while the engine generates."""
        self.request()
        app = self.app
        if app is None or app.hung_at is not None or not self.up or not app.state.ready:
            return
        self.between()
        if not app.ledger.begin():
            self.counts["refused"] += 1
            return
        self.worked(app)
        self.admitted = self.now
        self.counts["reports"] += 1
        app.flying.append(self.now + self.random.choice((3.0, 20.0, 60.0, 200.0)))
        waiting = app.pulse.waiting()
        waiting.__enter__()
        app.waits.append(waiting)
        self.note("a report begins")
        self._write(app)

    def between(self) -> None:
        """Run the guard just before an admission, at random."""
        if self.random.random() < 0.2:
            self.house.switch.due = 0.0
            self.house.tend()

    def _write(self, app: App) -> None:
        if app.dead or not app.flying or not self.up:
            return
        if self.engine.alive and not self.engine.hang and app.hung_at is None:
            self._token(app)
            self.worked(app)
            app.ledger.progress()
            if self.now >= app.flying[0]:
                self._leave(app)
        self.later(self.random.uniform(2, 9), lambda: self._write(app))

    def _leave(self, app: App) -> None:
        app.flying.pop(0)
        app.waits.pop(0).__exit__(None, None, None)  # type: ignore[attr-defined]
        app.ledger.end()
        self.worked(app)

    def reports_end(self, app: App) -> None:
        """End the reports in flight without a result, because the engine stopped."""
        while app.flying and app.hung_at is None:
            self._leave(app)

    def _is_alive(self, pid: int) -> bool:
        return self.up and self.app is not None and self.app.pid == pid

    def _word(self) -> EngineWord | None:
        said = self.house.switch.memory.last
        if said is None or not self._is_alive(said.pid) or self.boot_clock() - said.at > FRESH:
            return None
        return EngineWord(said.engine_owes, said.engine_heard)

    def log(self, text: str) -> None:
        """Write a line of the guard's log; raise OSError while stdout is broken."""
        if self.log_broken:
            raise OSError("stdout is gone")

    def _read(self, _: GuardSettings) -> OffSwitch:
        self._refused(self.provider == REFUSES)
        if self.provider == REFUSES:
            return OffSwitch.REFUSED
        return OffSwitch.PROVEN if self.provider == HONEST else OffSwitch.UNKNOWN

    def _ask(self, _: GuardSettings, action: Action) -> Outcome:
        """Act as the provider: unless it is honest, its response and the effect are independent."""
        self.note(f"asks to {action}")
        self.counts[action.value] += 1
        self.judge(action)
        self.ordered = self.now
        self._refused(self.provider == REFUSES)
        if self.provider == REFUSES:
            return Outcome(False, "refused", refused=True)
        if self.provider == HONEST or (self.provider == FAILS and self.random.random() < 0.3):
            boot = self.boots
            late = 3.0 if self.provider == HONEST else 60.0
            asked = self.now
            self.later(self.random.uniform(0.1, late), lambda: self._effect(boot, action, asked))
        return Outcome(self.provider in (HONEST, LIES), "as drawn")

    def _refused(self, refused: bool) -> None:
        self.refusals = self.refusals + 1 if refused else 0
        self.refused_twice = self.refused_twice or self.refusals > 1

    judge: Callable[[Action], None]
    judge_effect: Callable[[Action, float], None]

    def _effect(self, boot: int, action: Action, asked: float) -> None:
        if self.up and self.boots == boot:
            self.note(f"{action} takes effect")
            self.judge_effect(action, asked)
            self.destroyed = self.destroyed or action is Action.DESTROY
            self.off()

    def off(self) -> None:
        """Stop the container with all its processes."""
        self.spending.ends(self.now)
        self.up = False
        if self.app is not None:
            self.app.dead, self.app = True, None

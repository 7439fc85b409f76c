"""Guard process, PID 1 of the GPU container: `python -m ert_backend.guard`.

It arms the off-switch first, before any disk access and before the model is downloaded; then it starts the engine and
the app and keeps them running. SIGTERM drains the app, terminates both and exits 0. It never imports the app, so that
an error there cannot affect it. No failure or hang of the log, the disk or thread creation ends it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ert_backend.base import redaction
from ert_backend.base.activity import BEAT
from ert_backend.base.board import VARIABLE, Board
from ert_backend.base.claim import Claim
from ert_backend.base.clock import MoneyClock, boot_seconds, iso_now
from ert_backend.base.log_sink import LogSink
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.engine_care import EngineCare, EngineWord
from ert_backend.guard.off_switch import Switch
from ert_backend.guard.rules import Action
from ert_backend.guard.settings import GuardSettings
from ert_backend.guard.supervisor import Child, Nursery

LOOK = 0.2
OLLAMA_GRACE = 1.5
LAST_LINES = 1.0
# Real seconds that the container still takes to end after the last record of its use.
LAST_USE = 5.0
CLAIM_EVERY = 10.0
# Real seconds for which an `EngineWord` is valid: after that it may be out of date.
FRESH = 3 * BEAT

SINK = LogSink()
LONG = 1.0  # seconds after which a line is dated again


class Dated:
    """Dates of the guard's lines: one of its own before a line that comes long after the last one."""

    def __init__(self) -> None:
        self._last: float | None = None

    def date(self) -> str:
        """Return the line with the date, or "" where none is due. The first line is written as the app starts."""
        now = boot_seconds()
        due = self._last is not None and now - self._last > LONG
        self._last = now
        return f"guard: at {iso_now()}\n" if due else ""


DATED = Dated()


def log(text: str) -> None:
    """Write one line to the container's log."""
    SINK.write(f"{DATED.date()}guard: {redaction.clean(text)}\n")


def main(env: Mapping[str, str]) -> int:
    """Run the guard; return exit status 0 after SIGTERM, 3 when the off-switch cannot be armed."""
    try:
        return _run(env)
    finally:
        SINK.settle(LAST_LINES)


def _run(env: Mapping[str, str]) -> int:
    redaction.HELD.hold_named(env)
    settings = guard_settings.load(env)
    for problem in settings.problems:
        log(problem)
    if settings.enabled and not settings.can_act:
        log(
            f"the instance's id or {settings.cloud.key_variable} is missing: the off-switch is NOT active "
            "(ERT_GUARD=off runs without it)"
        )
        return 3
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    house = _assemble(env, settings)
    house.arm()
    _prepare(settings, house.switch)
    while not stop.is_set():
        house.tend()
        stop.wait(LOOK)
    _shut_down(settings, house)
    house.switch.stopping.set()
    return 0


@dataclass(slots=True)
class House:
    """State of the guard: the switch in its thread, the children, the engine's restarts, the claim on the disk."""

    switch: Switch
    nursery: Nursery
    app: Child
    engine: Child
    care: EngineCare
    thread: threading.Thread | None = None
    errand: threading.Thread | None = None
    claim_at: float = field(default=0.0)

    def arm(self) -> None:
        """Start the switch in a thread; if none can be created, `tend` runs its steps."""
        if not self.switch.settings.enabled:
            return
        self.thread = _thread("off-switch", self.switch.run)
        s = self.switch.settings
        rules = f"idle {s.idle_stop:g} s, unclaimed {s.boot_deadline:g} s, lifetime {s.max_lifetime:g} s"
        if s.budget is not None:
            rules += f", budget {s.budget.seconds} s, then {s.at_budget.value}"
        self.switch.say(f"off-switch active for instance {s.container_id}: {rules}")

    def tend(self) -> None:
        """Run all checks once; raises nothing."""
        for look in (self._switch, self.switch.note, self.nursery.tend, self._engine, self._claim):
            try:
                look()
            except Exception as error:
                self.switch.say(f"{type(error).__name__}, going on")

    def _switch(self) -> None:
        if not self.switch.settings.enabled or (self.thread is not None and self.thread.is_alive()):
            return
        self.arm()
        if self.thread is None:
            self.switch.step()

    def _engine(self) -> None:
        now, began, alive = boot_seconds(), self.engine.started, self.engine.alive
        if self.care.due(now, began, alive=alive):
            self.nursery.kill(self.engine)
            log(f"{self.engine.name} had a pending request and no output: killed, number {self.care.restarts}")
        said, sick = self.switch.word, self.care.sick(now, began, alive=alive)
        if (said.engine_restarts, said.engine_sick) != (self.care.restarts, sick):
            self.switch.speak(engine_restarts=self.care.restarts, engine_sick=sick)

    def _claim(self) -> None:
        """Store claim and use in a thread of its own, because a hung disk blocks its caller."""
        if boot_seconds() >= self.claim_at and (self.errand is None or not self.errand.is_alive()):
            self.claim_at = boot_seconds() + CLAIM_EVERY
            self.errand = _thread("claim", self.switch.keep_records)


def _thread(name: str, work: Callable[[], None]) -> threading.Thread | None:
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        return None
    return thread


def _assemble(env: Mapping[str, str], settings: GuardSettings) -> House:
    board = Board.create(settings.data_dir)
    board_given = {VARIABLE: str(board.descriptor)} if board.shared else {}
    inherits = (board.descriptor,) if board.shared else ()
    for_app = {**guard_settings.app_environment(env, settings), **board_given}
    app = Child("app", (sys.executable, "-m", "ert_backend"), for_app, inherits)
    engine = Child(settings.engine, settings.ollama, guard_settings.ollama_environment(env, settings))
    claim = Claim(settings.data_dir, settings.token, synced=True)
    switch = Switch(settings, MoneyClock(settings.speed), log, lambda pid: app.alive and app.pid == pid, board, claim)
    nursery = Nursery((app, engine), log, lambda _: switch.note())
    return House(switch, nursery, app, engine, EngineCare(settings.engine_hang, lambda: _engine_word(switch)))


def _engine_word(switch: Switch) -> EngineWord | None:
    """Return the engine's state from the app's `Activity`; None when it is out of date."""
    said = switch.memory.last
    if said is None or not switch.app_alive(said.pid) or boot_seconds() - said.at > FRESH:
        return None
    return EngineWord(said.engine_owes, said.engine_heard)


def _prepare(settings: GuardSettings, switch: Switch) -> None:
    """Create the data directory and read the record of earlier boots. A disk error is logged only."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        log(f"{settings.data_dir} cannot be used ({error.strerror})")
    if not switch.read_disk():
        log(f"{settings.data_dir} takes no record of a claim, it is tried again when there is one")
    switch.meter.keep()


def _shut_down(settings: GuardSettings, house: House) -> None:
    """Stop the app first, so that a report may finish while the engine still runs."""
    log("stop requested: draining")
    pause = threading.Event()
    house.switch.speak(drain=True)
    house.switch.last_word.begin(Action.STOP, None, house.switch.memory.last)
    house.nursery.end(house.app, settings.term_grace, pause)
    house.nursery.end(house.engine, OLLAMA_GRACE, pause)
    house.nursery.reap()
    house.switch.meter.keep(LAST_USE)
    house.switch.last_word.wait()
    log("stopped")


if __name__ == "__main__":
    sys.exit(main(os.environ))

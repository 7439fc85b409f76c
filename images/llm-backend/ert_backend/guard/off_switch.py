"""The off-switch: every tick looks at the clock and at the app's record, and stops the machine when a rule is due.

Runs in its own thread of the guard and outlives the death of everything it watches. Standard library only. Going idle
and admitting a report cannot cross: the drain flag is set first, then the record is read again, and only a verdict that
still stands is carried out.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ert_backend.base.activity import DRAIN, claimed_before, drain_requested, read_activity, request_drain
from ert_backend.base.clock import MoneyClock, boot_seconds
from ert_backend.guard.rules import Action, Rules, Verdict, View, decide
from ert_backend.guard.settings import GuardSettings
from ert_backend.guard.vast_api import Outcome, ask

TICK = 10.0
AGAIN = 60.0
# How long an order that was sent may still take effect, whatever was answered; until then nothing new is admitted.
SETTLE = 120.0
# Real seconds without a step after which a report in flight counts as stuck; a load may be silent that long.
STUCK = 300.0
BACKOFF = (1.0, 8.0)

Log = Callable[[str], None]
Ask = Callable[[GuardSettings, Action], Outcome]


@dataclass(slots=True)
class Switch:
    """One machine's off-switch. `app_alive` says whether the app's record can still be of a living process."""

    settings: GuardSettings
    clock: MoneyClock
    log: Log
    app_alive: Callable[[int], bool]
    ask: Ask = ask
    failures: int = 0
    ready_at: float | None = None
    ordered_at: float | None = None
    said: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Tick until told to stop. No error ends it."""
        while not self.stopping.is_set():
            try:
                pause = self.tick()
            except Exception as error:
                self.log(f"off-switch: {type(error).__name__}, going on")
                pause = TICK
            self.stopping.wait(self.clock.real(pause))

    def tick(self) -> float:
        """Look once and act if a rule is due; the money seconds until the next look."""
        if self._verdict() is None:
            self._lift_drain()
            return TICK
        self._drain()
        verdict = self._verdict()
        if verdict is None:
            self._lift_drain()
            return TICK
        if verdict.wait:
            self._say(f"{verdict.reason}: draining, a report is in flight")
            return TICK
        return self._act(verdict)

    def view(self) -> View:
        """What is known now, in money seconds. Without a readable record nothing has happened."""
        at = self.clock.at
        record = read_activity(self.settings.run_dir, self.settings.run)
        before = claimed_before(self.settings.data_dir, self.settings.token)
        now = self.clock.now()
        if record is None:
            return View(now, before, ready_at=self.ready_at)
        if record.ready_at is not None and self.ready_at is None:
            self.ready_at = min(now, at(record.ready_at))
        alive = self.app_alive(record.pid)
        recent = record.work_at is not None and boot_seconds() - record.work_at < STUCK
        return View(
            now=now,
            claimed_before=before,
            claimed_at=_past(record.claimed_at, at, now),
            ready_at=self.ready_at,
            work_at=_past(record.work_at, at, now),
            in_flight=record.in_flight if alive else 0,
            moving=alive and recent,
        )

    def _verdict(self) -> Verdict | None:
        s = self.settings
        return decide(self.view(), Rules(s.idle_stop, s.boot_deadline, s.max_lifetime, s.drain_cap))

    def _act(self, verdict: Verdict) -> float:
        self.ordered_at = self.clock.now()
        outcome = self.ask(self.settings, verdict.action)
        self.log(f"{verdict.reason}: asked to {verdict.action.value} this instance: {outcome.detail}")
        if outcome.success:
            # Accepted is not yet done: as long as this process lives, it asks again.
            self.failures = 0
            return AGAIN
        self.failures += 1
        ceiling = min(BACKOFF[1], BACKOFF[0] * 2 ** min(self.failures, 8))
        return random.uniform(BACKOFF[0], ceiling)  # noqa: S311 - jitter, not a secret

    def _drain(self) -> None:
        try:
            request_drain(self.settings.run_dir, self.settings.run)
        except OSError as error:
            # A disk that takes no flag must not keep the machine running.
            self._say(f"cannot set the drain flag ({type(error).__name__}), going on without it")

    def _lift_drain(self) -> None:
        if self.ordered_at is not None and self.clock.now() - self.ordered_at < SETTLE:
            # Somebody claimed the machine after it was ordered to stop: a report taken now would be cut by that order.
            return
        if drain_requested(self.settings.run_dir, self.settings.run):
            (self.settings.run_dir / DRAIN).unlink(missing_ok=True)

    def _say(self, text: str) -> None:
        if text != self.said:
            self.said = text
            self.log(text)


def _past(boot: float | None, at: Callable[[float], float], now: float) -> float | None:
    """A moment in money time, never in the future whatever the record says."""
    return None if boot is None else min(now, at(boot))

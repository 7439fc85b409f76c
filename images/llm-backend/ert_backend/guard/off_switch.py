"""Off-switch: evaluates the rules on every tick, and stops the machine when one is due.

Runs in its own thread of the guard and survives the failure of everything it monitors. The idle stop and the admission
of a report cannot miss each other: the drain flag is set first, then the app's `Activity` is read again, and only a
verdict that is still valid is executed.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ert_backend.base.activity import GuardWord, OffSwitch, read_activity, write_guard
from ert_backend.base.allowance import SpentRecord
from ert_backend.base.board import Board
from ert_backend.base.claim import Before, Claim
from ert_backend.base.clock import MoneyClock
from ert_backend.base.limits import Limits
from ert_backend.guard.allowance import Meter
from ert_backend.guard.clouds.calls import ask, read_own, within
from ert_backend.guard.clouds.cloud import Outcome
from ert_backend.guard.last_word import LastWord
from ert_backend.guard.memory import LatestTimes
from ert_backend.guard.rules import Action, DueRule, Rules, View, decide
from ert_backend.guard.self_check import SelfCheck
from ert_backend.guard.settings import GuardSettings
from ert_backend.guard.view import view_of

TICK = 10.0
AGAIN = 60.0
# How long an order may still take effect, whatever the response was; until then no new work is admitted.
SETTLE = 120.0
# Maximum backoff: the second figure when the provider is unreachable or rejects the order, the third when it rejects
# the key, which will not change by itself.
BACKOFF, REFUSED_BACKOFF = (1.0, 8.0), 60.0
# Maximum seconds counted between two ticks: while the machine was suspended its app could not write a report.
LONGEST_STEP = TICK
# Real seconds for the disk to return its record.
DISK = 5.0

Log = Callable[[str], None]
Ask = Callable[[GuardSettings, Action], Outcome]
Check = Callable[[GuardSettings], OffSwitch]


@dataclass(slots=True)
class Switch:
    """One machine's off-switch. `app_alive` is whether the app's `Activity` can be that of a live process.

    `before` is the record on the disk at the guard's start; unknown until it was read, and again once the app was
    `unheard` for a while.
    """

    settings: GuardSettings
    clock: MoneyClock
    log: Log
    app_alive: Callable[[int], bool]
    board: Board
    claim: Claim
    ask: Ask = ask
    read_own: Check = read_own
    before: Before = Before.UNKNOWN
    memory: LatestTimes = field(default_factory=LatestTimes)
    check: SelfCheck = field(default_factory=SelfCheck)
    word: GuardWord = field(init=False)
    meter: Meter = field(init=False)
    last_word: LastWord = field(init=False)
    unheard: bool = False
    failures: int = 0
    due: float = 0.0
    ordered_at: float | None = None
    ticked_at: float | None = None
    held: dict[str, float] = field(default_factory=dict)
    said: str = ""
    limits: Limits | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Write the initial `GuardWord`: no drain, and the provider's state is unknown."""
        self.word = GuardWord(self.settings.run)
        record = SpentRecord(self.claim.disk, self.claim.token, self.claim.synced)
        self.meter = Meter(record, self.clock, self.settings.budget)
        self.last_word = LastWord(self.settings, self._tell)
        self.speak()

    def run(self) -> None:
        """Run until stopped. No error ends it."""
        while not self.stopping.is_set():
            self.step()
            self.stopping.wait(self.clock.real(max(0.0, self.due - self.clock.now())))

    def step(self) -> None:
        """Tick if it is due. Raises nothing, and no error prevents the next tick."""
        if self.clock.now() < self.due:
            return
        self.due = self.clock.now() + TICK
        try:
            self.due = self.clock.now() + self.tick()
        except Exception as error:
            self.say(f"off-switch: {type(error).__name__}, going on")

    def tick(self) -> float:
        """Evaluate the rules and act if one is due; return the money seconds until the next tick."""
        self._pass_time()
        if self._verdict() is None:
            self._nothing_due()
            return TICK
        self._drain()
        verdict = self._verdict()
        if verdict is None:
            self._nothing_due()
            return TICK
        self.held = {reason: self.held.get(reason, 0.0) for reason in verdict.due}
        if verdict.wait:
            self.say(f"{verdict.reason}: draining, a report is in flight or the app is silent")
            self._check_switch()
            return TICK
        if self.last_word.say(verdict.action, verdict.cause, self.memory.last):
            return self.tick()  # limits and budget may be others by now; it is said once
        return self._act(verdict)

    def note(self) -> None:
        """Read the app's `Activity`; also called before a restarted app overwrites it."""
        record = read_activity(self.board, self.settings.run)
        self.memory.note(record)
        grant = record.grant() if record is not None else None
        if grant is not None and self.meter.granted(grant):
            self._tell(f"new budget: {grant.seconds} s from now on")

    def view(self) -> View:
        """Return the current state in money seconds."""
        self.note()
        return view_of(self)

    def read_disk(self) -> bool:
        """Read the record of earlier boots, before the app is started; False when no claim could be reserved."""
        before = self.claim.before()
        ready = before is Before.CLAIMED or self.claim.prepare()
        self.before = before
        return ready

    def keep_records(self) -> None:
        """Write both records of the disk. May block on it, which the switch must not: called from another thread."""
        self.meter.keep()
        self.keep_claim()

    def keep_claim(self) -> None:
        """Store the claim until the disk has it, and detect one that is on the disk but not in the app's record.

        The app itself tries on each authenticated request, unless it has crashed.
        """
        if self.memory.claimed_at is not None and not self.memory.claim_kept:
            self.memory.claim_kept = self.claim.keep()
        elif self.before is Before.NEVER and self.claim.claimed():
            self.memory.claim_seen()

    def speak(self, **changes: object) -> None:
        """Change the guard's `GuardWord`."""
        with self._lock:
            self.word = replace(self.word, **changes)  # type: ignore[arg-type]
            write_guard(self.board, self.word)

    def say(self, text: str) -> None:
        """Log a message unless it repeats the last one. An error of the log is ignored."""
        if text != self.said:
            self.said = text
            self._tell(text)

    def _tell(self, text: str) -> None:
        try:
            self.log(text)
        except Exception:
            self.said = ""

    def _verdict(self) -> DueRule | None:
        return decide(self.view(), self._rules())

    def _rules(self) -> Rules:
        last = self.memory.last
        limits = last.limits() if last is not None else None
        if limits is not None and limits != self.limits:
            self.limits = limits
            self._tell(f"new limits: {limits.said()}")
        return self.settings.rules(limits)

    def _pass_time(self) -> None:
        """Count the wait for a report without the time that the machine was suspended."""
        now = self.clock.now()
        step = 0.0 if self.ticked_at is None else min(now - self.ticked_at, LONGEST_STEP)
        self.held = {reason: held + step for reason, held in self.held.items()}
        self.meter.pass_time(step)
        self.ticked_at = now

    def _nothing_due(self) -> None:
        self.held = {}
        self.last_word.said = False
        self._lift_drain()
        self._check_switch()

    def _act(self, verdict: DueRule) -> float:
        self.ordered_at = self.clock.now()
        action = verdict.action
        # Destroy only if the disk, read now, has no claim; a disk that hangs does not show that.
        if action is Action.DESTROY and not verdict.wanted and within(DISK, self.claim.claimed, None) is not False:
            action = Action.STOP
        outcome = self.ask(self.settings, action)
        ran = f"{self.ordered_at:.0f} s after its start"  # `status` computes from it what the machine has cost
        self._tell(f"{verdict.reason}: asked to {action.value} this instance: {outcome.detail}; {ran}")
        self._learn(outcome)
        if outcome.success:
            # Accepted does not mean done: repeat the order as long as this process lives.
            self.failures = 0
            return AGAIN
        self.failures += 1
        most = REFUSED_BACKOFF if outcome.refused else BACKOFF[1]
        ceiling = min(most, BACKOFF[0] * 2 ** min(self.failures, 8))
        return random.uniform(BACKOFF[0], ceiling)  # noqa: S311 - jitter, not a secret

    def _learn(self, outcome: Outcome) -> None:
        """Update the state of the switch: an order is a better proof than any reading."""
        if outcome.success or outcome.refused:
            self.check.heard(OffSwitch.PROVEN if outcome.success else OffSwitch.REFUSED, self.clock.now())
            self._show_switch()

    def _check_switch(self) -> None:
        if self.check.due(self.clock.now()):
            self.check.heard(self.read_own(self.settings), self.clock.now())
            self._show_switch()

    def _show_switch(self) -> None:
        if self.word.off_switch is not self.check.state:
            self._tell(f"the off-switch is {self.check.state}")
            self.speak(off_switch=self.check.state)

    def _drain(self) -> None:
        self.speak(drain=True)

    def _lift_drain(self) -> None:
        if self.ordered_at is not None and self.clock.now() - self.ordered_at < SETTLE:
            # The machine was claimed after the order to stop it: a report admitted now would be interrupted by that
            # order.
            return
        if self.word.drain:
            self.speak(drain=False)

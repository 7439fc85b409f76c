"""The off-switch: every tick looks at the clock and at the app's word, and stops the machine when a rule is due.

Runs in its own thread of the guard and outlives the death of everything it watches. Standard library only. Going idle
and admitting a report cannot cross: the drain flag is set first, then the app's word is read again, and only a verdict
that still stands is carried out.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ert_backend.base.activity import GuardWord, OffSwitch, read_activity, write_guard
from ert_backend.base.board import Board
from ert_backend.base.claim import Before, Claim
from ert_backend.base.clock import MoneyClock, boot_seconds
from ert_backend.guard.memory import Memory
from ert_backend.guard.rules import Action, Rules, Verdict, View, decide
from ert_backend.guard.self_check import SelfCheck
from ert_backend.guard.settings import GuardSettings
from ert_backend.guard.vast_api import Outcome, ask, read_own, within

TICK = 10.0
AGAIN = 60.0
# How long an order that was sent may still take effect, whatever was answered; until then nothing new is admitted.
SETTLE = 120.0
# Real seconds without a step after which a report in flight counts as stuck; a load may be silent that long.
STUCK = 300.0
# Real seconds after which the word of an app that lives is too old to be believed; it speaks every five.
SILENT = 30.0
# A provider that does not answer, or says no, is asked again within the second figure; one that refuses the key, which
# will not change by itself, within the third.
BACKOFF, REFUSED_BACKOFF = (1.0, 8.0), 60.0
# Of the time between two ticks no more than this counts as waiting: what slept meanwhile did not write its report.
LONGEST_STEP = TICK
# Real seconds for the disk to say whether it holds a claim.
DISK = 5.0

Log = Callable[[str], None]
Ask = Callable[[GuardSettings, Action], Outcome]
Check = Callable[[GuardSettings], OffSwitch]


@dataclass(slots=True)
class Switch:
    """One machine's off-switch. `app_alive` says whether the app's word can still be of a living process.

    `before`: what the disk said when the guard began; until it was asked, nothing is certain, and nothing is any more
    once the app was `unheard` for a while.
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
    memory: Memory = field(default_factory=Memory)
    check: SelfCheck = field(default_factory=SelfCheck)
    word: GuardWord = field(init=False)
    unheard: bool = False
    failures: int = 0
    due: float = 0.0
    ordered_at: float | None = None
    ticked_at: float | None = None
    held: dict[str, float] = field(default_factory=dict)
    said: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Nothing is asked of the app yet, and nothing is known of the provider."""
        self.word = GuardWord(self.settings.run)
        self.speak()

    def run(self) -> None:
        """Step until told to stop. No error ends it."""
        while not self.stopping.is_set():
            self.step()
            self.stopping.wait(self.clock.real(max(0.0, self.due - self.clock.now())))

    def step(self) -> None:
        """Tick if it is time to. No error comes out of it, and none keeps the next one from being made."""
        if self.clock.now() < self.due:
            return
        self.due = self.clock.now() + TICK
        try:
            self.due = self.clock.now() + self.tick()
        except Exception as error:
            self.say(f"off-switch: {type(error).__name__}, going on")

    def tick(self) -> float:
        """Look once and act if a rule is due; the money seconds until the next look."""
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
            self.say(f"{verdict.reason}: draining, a report is in flight or the app says nothing")
            self._check_switch()
            return TICK
        return self._act(verdict)

    def note(self) -> None:
        """Take in what the app says now; also to be called before the word of a dead app is written over."""
        self.memory.note(read_activity(self.board, self.settings.run))

    def view(self) -> View:
        """What is known now, in money seconds. Without a word of the app nothing has happened."""
        self.note()
        known, record = self.memory, self.memory.last
        alive = record is not None and self.app_alive(record.pid)
        # A board that the app cannot write to says nothing of it, neither that it is idle nor that nobody came.
        silent = not self.board.shared or (alive and record is not None and boot_seconds() - record.at > SILENT)
        self.unheard = self.unheard or silent
        recent = known.work_at is not None and boot_seconds() - known.work_at < STUCK
        return View(
            now=self.clock.now(),
            before=self.before,
            claimed_at=self._money(known.claimed_at),
            ready_at=self._money(known.ready_at),
            work_at=self._money(known.work_at),
            in_flight=record.in_flight if record is not None and alive else 0,
            moving=alive and recent and not silent,
            silent=silent,
            unheard=self.unheard,
            held=self.held,
        )

    def read_disk(self) -> bool:
        """What the disk says of earlier boots, before the app is started; False when it makes no room for a claim."""
        before = self.claim.before()
        ready = before is Before.CLAIMED or self.claim.prepare()
        self.before = before
        return ready

    def keep_claim(self) -> None:
        """Have the disk take the claim until it has, and hear of one that the app has put there but not told.

        The app tries at each request with a key, unless it crashed. May wait for the disk, which the switch must not:
        to be called from elsewhere.
        """
        if self.memory.claimed_at is not None and not self.memory.claim_kept:
            self.memory.claim_kept = self.claim.keep()
        elif self.before is Before.NEVER and self.claim.claimed():
            self.memory.claim_seen()

    def speak(self, **changes: object) -> None:
        """Change what the app is told."""
        with self._lock:
            self.word = replace(self.word, **changes)  # type: ignore[arg-type]
            write_guard(self.board, self.word)

    def say(self, text: str) -> None:
        """Log what has not just been said. A log that fails keeps nothing from being done."""
        if text != self.said:
            self.said = text
            self._tell(text)

    def _tell(self, text: str) -> None:
        try:
            self.log(text)
        except Exception:
            self.said = ""

    def _verdict(self) -> Verdict | None:
        s = self.settings
        return decide(self.view(), Rules(s.idle_stop, s.boot_deadline, s.max_lifetime, s.drain_cap))

    def _pass_time(self) -> None:
        """The wait for a report is counted in time that was lived through, not in what a sleep of the machine took."""
        now = self.clock.now()
        step = 0.0 if self.ticked_at is None else min(now - self.ticked_at, LONGEST_STEP)
        self.held = {reason: held + step for reason, held in self.held.items()}
        self.ticked_at = now

    def _nothing_due(self) -> None:
        self.held = {}
        self._lift_drain()
        self._check_switch()

    def _act(self, verdict: Verdict) -> float:
        self.ordered_at = self.clock.now()
        action = verdict.action
        # Destroyed is only what the disk, asked now, does not call claimed; one that stands still does not say so.
        if action is Action.DESTROY and within(DISK, self.claim.claimed, None) is not False:
            action = Action.STOP
        outcome = self.ask(self.settings, action)
        self._tell(f"{verdict.reason}: asked to {action.value} this instance: {outcome.detail}")
        self._learn(outcome)
        if outcome.success:
            # Accepted is not yet done: as long as this process lives, it asks again.
            self.failures = 0
            return AGAIN
        self.failures += 1
        most = REFUSED_BACKOFF if outcome.refused else BACKOFF[1]
        ceiling = min(most, BACKOFF[0] * 2 ** min(self.failures, 8))
        return random.uniform(BACKOFF[0], ceiling)  # noqa: S311 - jitter, not a secret

    def _learn(self, outcome: Outcome) -> None:
        """An order says more about the switch than any reading."""
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
            # Somebody claimed the machine after it was ordered to stop: a report taken now would be cut by that order.
            return
        if self.word.drain:
            self.speak(drain=False)

    def _money(self, boot: float | None) -> float | None:
        return None if boot is None else self.clock.at(boot)

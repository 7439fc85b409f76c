"""Runs one seeded guard schedule and collects its violations.

Checked at every order: no claimed machine is destroyed, none is stopped before a rule is due, or while a report is in
flight before the drain cap. Checked at every event: a rule that is due ends the machine within its time limit; a hung
engine is restarted, counted and reported; a claim is written as soon as the disk is writable; the reported state of
the switch is that of the provider.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ert_backend.base import clock
from ert_backend.base.activity import OffSwitch, read_guard
from ert_backend.base.allowance import SPENT
from ert_backend.base.claim import CLAIMED, Before, Claim
from ert_backend.guard import __main__ as guard_main
from ert_backend.guard.off_switch import SETTLE, TICK
from ert_backend.guard.rules import Action
from tests.guard_schedules.truth import LATE_PROVIDER, PROMISED, SEES, UNHEARD, due
from tests.guard_schedules.world import FAILS, HONEST, LIES, LOOK, REFUSES, TOKEN, World
from tests.support.schedules import Played

BUSY = 900.0
TROUBLES = (
    "crash", "crash", "hang app", "engine mute", "engine stopped", "engine undead", "engine crash", "disk full",
    "disk dead", "disk well", "log broken", "log well", "sleep", "restart", "restart", "host restart", "fails",
    "refuses",
    "lies", "words lost",
    "honest", "honest",
)  # fmt: skip
# Maximum delay of the switch state behind the provider: one reading, and the retries that confirm it.
LAG = 600.0 + 10.0 + 60.0 + 4 * LOOK


class Watched(World):
    """The simulation with its invariants."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.since: dict[str, float] = {}
        self.kept_once = False
        self.lost_at = -1e9

    def judge(self, action: Action) -> None:
        """Check that an order is allowed when it is sent."""
        app, boot = self.app, self.boot
        flying = len(app.flying) if app is not None else 0
        if self.spending.may_end_it(self.now) and action in (Action.STOP, self.spending.at_end):
            return
        if action is Action.DESTROY and self.claimed_ever and not self._unknowable():
            self.wrong("asked to destroy a machine that was claimed")
        if self._lost() or boot.as_heard() != boot:
            self._judge_unheard(action, self.lost_at, flying)
            return
        # the report of a hung app makes no progress
        moving = flying if app is not None and app.hung_at is None else 0
        at, now = due(self.limits, boot, moving), self.boot_clock()
        if at is None or at > now + 1e-6:
            self.wrong(f"asked to {action} before any rule is due")
        elif flying and not self._waited(at):
            self.wrong(f"asked to {action} with a report in flight, before the drain cap")

    def _judge_unheard(self, action: Action, lost: float, flying: int) -> None:
        """Check an order while the app's updates are lost: the guard has to detect this soon, and wait for the cap."""
        # the disk may contain a claim that the guard was not notified of
        heard = self.boot.as_heard()
        known = (due(self.limits, one, 0) for one in (heard, replace(heard, claimed=self.boot.claimed)))
        at, now = min((at for at in known if at is not None), default=None), self.boot_clock()
        soon = at is not None and self.boot.awake_at(at, now, self.now) <= lost + UNHEARD
        if at is None or at > now + 1e-6:
            self.wrong(f"asked to {action} before any rule is due")
        elif flying and not soon and not self._waited(at):
            self.wrong(f"asked to {action} with a report in flight that it cannot know of, before the drain cap")

    def _unknowable(self) -> bool:
        """Whether the claim reached neither the guard, since updates were just lost, nor the disk."""
        lost = self.app.page.lost if self.app is not None and self.app.page is not None else None
        kept = CLAIMED in self.disk.files.get(CLAIMED, "")
        return lost is not None and self.now - lost < UNHEARD and not kept

    def _waited(self, at: float) -> bool:
        """Whether the drain cap has passed since that boot-clock time, allowing one guard step per suspension."""
        boot = self.boot
        return self.now - boot.awake_at(at, self.boot_clock(), self.now) >= (
            self.limits.cap - TICK * boot.slept_since(at)
        )

    def judge_effect(self, action: Action, asked: float) -> None:
        """Check that no report was admitted between the order and its effect, which may be much later."""
        if self.app is not None and self.app.flying and self.admitted > asked:
            self.wrong(f"{action} took effect with a report in flight that was admitted after the order")

    def wrong(self, what: str) -> None:
        self.broken.append(f"{self.now - 1000:.0f} s, boot {self.boots}: {what}")

    def lasting(self, name: str, holds: bool) -> float:
        """Return the seconds for which a condition has been true without a break."""
        if not holds:
            self.since.pop(name, None)
            return 0.0
        return self.now - self.since.setdefault(name, self.now)

    def watch(self) -> None:
        """Check the liveness invariants after every event."""
        if not self.up:
            self.since.clear()
            return
        self._must_stop()
        self._must_keep_budget()
        self._must_restart()
        self._must_remember()
        self._must_know()

    def _must_stop(self) -> None:
        app = self.app
        flying = len(app.flying) if app is not None else 0
        at = due(self.limits, self.boot, flying)
        is_due = at is not None and at <= self.boot_clock()
        heard = self._told()
        honest = self.lasting("honest", self.provider == HONEST)
        free = self.lasting("free", is_due and not flying and self.lasting("heard", heard) >= (UNHEARD if app else 0))
        held = self.lasting("due", is_due and not self._lost())
        clean = self.lasting("clean", is_due and self.provider == HONEST and not flying and heard)
        late = LATE_PROVIDER if clean < free else 0.0
        if min(free, honest) > PROMISED + late + 2.0:
            self.wrong(f"a rule is due for {free:.0f} s, and it still runs")
        elif min(held, honest) > self.limits.cap + PROMISED + LATE_PROVIDER + SEES:
            self.wrong(f"a rule is due for {held:.0f} s, the drain cap is over, and it still runs")
        if len(self.broken) > 3:
            self.up = False

    def _must_keep_budget(self) -> None:
        """Check that it runs at most a minute longer than its budget while the provider answers, whatever fails."""
        spending = self.spending
        spending.look(self.now, self.disk)
        over, honest = spending.over(self.now), self.lasting("answers", self.provider == HONEST)
        late = LATE_PROVIDER if honest < over else 0.0
        if min(self.lasting("spent", over > 0.0), honest) > PROMISED + late + 2.0:
            self.wrong(f"it has run {over:.0f} s longer than its budget lets it, and it still runs")

    def _told(self) -> bool:
        """Whether the guard can have the current state: the app sends updates that arrive, or there is no app."""
        return self.app is None or (self.app.hung_at is None and not self._lost())

    def _lost(self) -> bool:
        return self.app is not None and self.app.page is not None and self.app.page.lost is not None

    def _must_restart(self) -> None:
        app, engine, care = self.app, self.engine, self.house.care
        if app is not None and app.page is not None and app.page.lost is not None:
            self.since.pop("owes", None)
            return
        owes = app is not None and app.hung_at is None and engine.alive and bool(engine.hang)
        owes = owes and app is not None and app.pulse.owes(app.state) is not None
        patience = self.limits.hang * 2 ** min(5, self.vain)
        if self.lasting("owes", owes and self.now > engine.undead_until) > patience + 3 * LOOK + SEES:
            self.wrong("an engine hangs, and nobody restarts it")
        said = read_guard(self.board, self.house.switch.settings.run) or self.house.switch.word
        if care.restarts != self.kills or self.lasting("uncounted", said.engine_restarts != self.kills) > 2 * LOOK:
            self.wrong(f"{said.engine_restarts} restarts of the engine are told, {self.kills} were made")
        undead = engine.started < self.boot_clock() and self.now < engine.undead_until + 3 * LOOK
        if self.lasting("vain", self.vain > 1 and not said.engine_sick) > 2 * LOOK:
            self.wrong("restarting the engine did not help, and nobody says so")
        if self.lasting("well", said.engine_sick and not self.vain and not undead) > UNHEARD:
            self.wrong("the engine writes, and is said to be sick")

    def _must_remember(self) -> None:
        well = not (self.disk.trouble.full or self.disk.trouble.dead)
        kept = self.boot.claimed is None or Claim(self.disk, TOKEN).before() is Before.CLAIMED  # type: ignore[arg-type]
        if self.lasting("unkept", well and not kept and not self._lost()) > 10.0 + 3 * LOOK:
            self.wrong("it is claimed, the disk is well, and does not say so")
        claimed = CLAIMED in self.disk.files.get(CLAIMED, "")
        if self.kept_once and not claimed:
            self.wrong("the disk has forgotten a claim")
        self.kept_once = self.kept_once or claimed

    def _must_know(self) -> None:
        state = self.house.switch.word.off_switch
        if self.lasting("refuses", self.provider == REFUSES) > LAG and state is not OffSwitch.REFUSED:
            self.wrong(f"the provider refuses, and the switch is said to be {state}")
        if self.lasting("proves", self.provider == HONEST) > 60.0 + 4 * LOOK and state is not OffSwitch.PROVEN:
            self.wrong(f"the provider answers, and the switch is said to be {state}")
        if state is OffSwitch.REFUSED and not self.refused_twice:
            self.wrong("nobody refused twice, and the switch is said to be refused")
        at = due(self.limits, self.boot, len(self.app.flying) if self.app else 0)
        idle = (at is None or at > self.boot_clock()) and self.now - self.ordered > SETTLE + 3 * TICK
        idle = idle and self.lasting("told", self._told()) > 2 * LOOK and not self.spending.may_end_it(self.now)
        if self.lasting("drains", self.house.switch.word.drain and idle) > 3 * TICK:
            self.wrong("no rule is due, and it takes no work")


def play(seed: int) -> Played:
    """Run one schedule, deterministic for its seed: the retry jitter is seeded, too."""
    before = random.getstate()
    random.seed(seed)
    thread, log = guard_main._thread, guard_main.log
    world = Watched(seed)
    clock.drive(world.boot_clock)
    guard_main._thread = _at_once
    guard_main.log = world.log
    try:
        _through(world)
    except Exception as error:
        world.wrong(f"{type(error).__name__}: {error}")
    finally:
        guard_main._thread, guard_main.log = thread, log
        clock.drive(None)
        random.setstate(before)
    return Played(seed, world.broken, world.counts, world.history)


def _at_once(name: str, work: Callable[[], None]) -> None:
    """Run the work in place of a thread of that name; nothing here blocks."""
    assert name
    work()


def _through(world: Watched) -> None:
    draw = world.random
    if draw.random() < 0.15:
        # The image has filled the disk, or it is not mounted yet.
        trouble(world, draw.choice(("disk full", "disk dead")))
        world.later(draw.uniform(0.5, 30), partial(trouble, world, "disk well"))
    world.start()
    if draw.random() < 0.8:
        world.later(draw.uniform(5, 50), world.request)
    for _ in range(draw.choice((0, 2, 4, 12))):
        world.later(draw.uniform(1, BUSY), world.request if draw.random() < 0.4 else world.report)
    for _ in range(draw.choice((0, 1, 2, 4, 8))):
        kind = draw.choice(TROUBLES)
        world.later(draw.uniform(1, BUSY), partial(trouble, world, kind))
    for at, kind in world.spending.troubles:
        world.later(at, partial(trouble, world, kind))
    # From then on no fault is active and no client sends a request: the machine has to detect that.
    world.later(BUSY, lambda: _quieten(world))
    end = world.now + BUSY + 2 * (world.limits.lifetime + world.limits.cap) + 400.0
    while world.events and not world.destroyed and len(world.broken) < 4:
        at, _, act = heapq.heappop(world.events)
        if at > end:
            break
        world.now = max(world.now, at)
        act()
        world.watch()
    if world.up:
        world.wrong("it never stopped")


def _quieten(world: Watched) -> None:
    for kind in ("disk well", "log well", "honest"):
        trouble(world, kind)


def trouble(world: Watched, kind: str) -> None:
    """Apply one fault or its recovery."""
    world.note(kind)
    world.counts[kind] += 1
    part = kind.partition(" ")[2]
    if kind in (FAILS, REFUSES, LIES, HONEST):
        world.provider = kind
    elif kind.startswith("disk"):
        world.disk.trouble.full, world.disk.trouble.dead = part == "full", part == "dead"
        world.disk.files.pop(SPENT if part == "loses its record" else "", None)
    elif kind.startswith("log"):
        world.log_broken = part == "broken"
    elif kind.endswith("restart"):
        _restart(world, host=kind.startswith("host"))
    elif not world.up:
        return
    elif kind == "crash":
        world.crash_app()
    elif kind == "words lost":
        _lose_words(world)
    elif kind == "hang app":
        _hang(world)
    elif kind.startswith("engine"):
        _engine(world, part)
    else:
        _sleep(world)


def _restart(world: Watched, *, host: bool) -> None:
    """The container exits and starts again, also after a stop. A host that restarts has a new clock."""
    if world.up:
        world.off()
    boots = world.boots

    def again() -> None:
        if not world.up and not world.destroyed and world.boots == boots:
            if host:
                world.offset = world.random.uniform(-world.now, 1e6)
            world.start()

    world.later(world.random.uniform(1, 40), again)


def _hang(world: Watched) -> None:
    """The app hangs for a while: it sends no updates, and its reports stay in flight."""
    if (app := world.app) is None or app.hung_at is not None:
        return
    app.hung_at = world.now

    def go_on() -> None:
        app.hung_at = None
        if not world.engine.alive and not app.dead:
            world.reports_end(app)

    world.later(world.random.choice((5.0, 40.0, 200.0, 1000.0)), go_on)


def _lose_words(world: Watched) -> None:
    """The app's updates to the guard are lost for a while."""
    app = world.app
    if app is None or app.page is None or app.page.lost is not None:
        return
    page = app.page
    page.lost = world.lost_at = world.now

    def heard_again() -> None:
        page.lost = None
        if world.app is app:
            world.beat()

    world.later(world.random.choice((20.0, 150.0, 500.0)), heard_again)


def _engine(world: Watched, part: str) -> None:
    engine = world.engine
    if not engine.alive:
        return
    if part == "crash":
        world.engine_dies()
        return
    engine.hang = "stopped" if part == "stopped" else "mute"
    if part == "undead":
        engine.undead_until = world.now + world.random.uniform(30, 400)


def _sleep(world: Watched) -> None:
    """Suspend the machine: only the boot clock advances."""
    seconds = world.random.choice((20.0, 200.0, 5000.0))
    at = world.boot_clock()
    world.offset += seconds
    world.spending.slept += seconds
    world.boot.sleeps.append((at, at + seconds, world.now))

"""Stop rules: decide when a machine must stop. No I/O: times in, a verdict out.

    unclaimed   no authenticated request before the boot deadline        -> destroy if it is certain that there was
                                                                           none in an earlier boot either, else stop
    not ready   claimed, but the model is not up by the boot deadline    -> stop
    idle        no work for the idle time since it was ready and claimed -> stop
    lifetime    it has run for the maximum lifetime                      -> stop
    budget      it has run for as long as its owner's budget lets it,    -> stop, or destroy if the owner wants that
                or cannot record on its disk how long it has

During the bring-up only the boot deadline applies, so that a long download is not idleness. A report with progress is
work. A report in flight delays a verdict, and so does a live app without updates, since it may be writing one; but at
most for the drain cap, from the time the rule was first due, and never beyond the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ert_backend.base.claim import Before


class Action(StrEnum):
    """The order for the provider."""

    STOP = "stop"
    DESTROY = "destroy"


class Why(StrEnum):
    """The rule that ends a machine, as an app is told it."""

    LIFETIME = "lifetime"
    UNCLAIMED = "unclaimed"
    NOT_READY = "not_ready"
    BUDGET = "budget"
    UNRECORDED = "unrecorded"
    IDLE = "idle"


_REASONS = {
    Why.LIFETIME: "maximum lifetime of {0:g} s",
    Why.UNCLAIMED: "unclaimed after {0:g} s",
    Why.NOT_READY: "not ready after {0:g} s",
    Why.BUDGET: "budget of {0:g} s",
    Why.UNRECORDED: "its use of the budget cannot be recorded",
    Why.IDLE: "idle for {0:g} s",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A rule and its limit in money seconds."""

    why: Why
    seconds: float

    @property
    def reason(self) -> str:
        """The text for the log."""
        return _REASONS[self.why].format(self.seconds)


@dataclass(frozen=True, slots=True)
class Rules:
    """Money seconds; 0 disables a rule, except the drain cap."""

    idle_stop: float
    boot_deadline: float
    max_lifetime: float
    drain_cap: float
    at_budget: Action = Action.STOP


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the budget of the owner lets this machine run, in money seconds, and what is `spent` of it.

    From `drain` on no new work is admitted, at `line` the machine has to end. `unrecorded`: its disk takes no record.
    """

    seconds: float
    spent: float
    drain: float
    line: float
    unrecorded: bool = False

    @property
    def over(self) -> bool:
        """Whether it has to end now, whatever it does."""
        return self.spent >= self.line or self.unrecorded


@dataclass(frozen=True, slots=True)
class View:
    """State at `now`; money seconds since this boot, None for events that have not occurred in it.

    `silent`: the app is alive, but its `Activity` is outdated; `unheard`: it was so at any time in this boot, and may
    have been claimed then; `held`: how long each rule has been due without interruption, by its reason.
    """

    now: float
    before: Before = Before.UNKNOWN
    claimed_at: float | None = None
    ready_at: float | None = None
    work_at: float | None = None
    in_flight: int = 0
    moving: bool = False
    silent: bool = False
    unheard: bool = False
    held: Mapping[str, float] = field(default_factory=dict)
    allowance: Allowance | None = None


@dataclass(frozen=True, slots=True)
class DueRule:
    """A rule that is due. `wait` is True while a report in flight may still finish. `due`: the reasons of all.

    `wanted`: its action is the owner's choice, also for a machine that was claimed.
    """

    action: Action
    cause: Cause
    wait: bool
    due: tuple[str, ...] = ()
    wanted: bool = False

    @property
    def reason(self) -> str:
        """The text of its cause."""
        return self.cause.reason


def decide(view: View, rules: Rules) -> DueRule | None:
    """Return the verdict of the rule that has been due longest, or None."""
    due = [entry for entry in _deadlines(view, rules) if entry[0] <= view.now]
    if not due:
        return None
    allowance = view.allowance
    if allowance is not None and allowance.over:
        cause = _budget(allowance)
        return DueRule(rules.at_budget, cause, wait=False, due=(cause.reason,), wanted=True)
    _, action, cause = min(due, key=lambda entry: entry[0])
    may_be_writing = view.in_flight > 0 or view.silent
    reasons = tuple(entry[2].reason for entry in due)
    held = max(view.held.get(one, 0.0) for one in reasons)
    return DueRule(action, cause, wait=may_be_writing and held < rules.drain_cap, due=reasons)


def _deadlines(view: View, rules: Rules) -> list[tuple[float, Action, Cause]]:
    found: list[tuple[float, Action, Cause]] = []
    if rules.max_lifetime:
        found.append((rules.max_lifetime, Action.STOP, Cause(Why.LIFETIME, rules.max_lifetime)))
    if rules.boot_deadline and view.claimed_at is None:
        action = Action.DESTROY if view.before is Before.NEVER and not view.unheard else Action.STOP
        found.append((rules.boot_deadline, action, Cause(Why.UNCLAIMED, rules.boot_deadline)))
    elif rules.boot_deadline and view.ready_at is None:
        found.append((rules.boot_deadline, Action.STOP, Cause(Why.NOT_READY, rules.boot_deadline)))
    if (allowance := view.allowance) is not None:
        at = view.now + (0.0 if allowance.over else allowance.drain - allowance.spent)
        found.append((at, Action.STOP, _budget(allowance)))
    if rules.idle_stop and _idle_applies(view, rules):
        found.append((_idle_since(view) + rules.idle_stop, Action.STOP, Cause(Why.IDLE, rules.idle_stop)))
    return found


def _budget(allowance: Allowance) -> Cause:
    return Cause(Why.UNRECORDED if allowance.unrecorded else Why.BUDGET, allowance.seconds)


def _idle_applies(view: View, rules: Rules) -> bool:
    """Whether idle time counts: from when the machine is claimed and ready; without a boot deadline, from the start."""
    owned_and_up = view.ready_at is not None and (view.claimed_at is not None or view.before is not Before.NEVER)
    return owned_and_up or not rules.boot_deadline


def _idle_since(view: View) -> float:
    if view.in_flight and view.moving:
        return view.now
    return max(at or 0.0 for at in (view.claimed_at, view.ready_at, view.work_at))

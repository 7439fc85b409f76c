"""When a machine must stop costing money. Pure: times in, a verdict out. Standard library only.

    unclaimed   nobody with a key came before the boot deadline         -> destroy if it is certain that nobody ever
                                                                           did in an earlier boot either, else stop
    not ready   claimed, but the model is not up by the boot deadline    -> stop
    idle        no work for the idle time since it was ready and claimed -> stop
    lifetime    it has run for the maximum lifetime                      -> stop

While the model is being brought up the boot deadline governs, so a long download is not idleness. A report that moves
is work. One that is in flight when a rule is due holds the verdict back, and so does an app that lives and says nothing
any more, since it may be writing one; but for no longer than the drain cap, counted from when the guard saw it due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ert_backend.base.claim import Before


class Action(StrEnum):
    """What is asked of the provider."""

    STOP = "stop"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Rules:
    """Money seconds; 0 switches a rule off, except the drain cap."""

    idle_stop: float
    boot_deadline: float
    max_lifetime: float
    drain_cap: float


@dataclass(frozen=True, slots=True)
class View:
    """What the guard sees at `now`; money seconds since this boot, None for what has not happened in it.

    `silent`: the app lives, and its last word is too old to be true; `unheard`: so it was at some time in this boot,
    and somebody may have come then; `held`: for how long each rule has been due without a break, by its reason.
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule is due. `wait` is True while a report in flight may still finish. `due`: the reasons of all that are."""

    action: Action
    reason: str
    wait: bool
    due: tuple[str, ...] = ()


def decide(view: View, rules: Rules) -> Verdict | None:
    """The rule that has been due longest, or None."""
    due = [entry for entry in _deadlines(view, rules) if entry[0] <= view.now]
    if not due:
        return None
    _, action, reason = min(due, key=lambda entry: entry[0])
    may_be_writing = view.in_flight > 0 or view.silent
    reasons = tuple(entry[2] for entry in due)
    held = max(view.held.get(one, 0.0) for one in reasons)
    return Verdict(action, reason, wait=may_be_writing and held < rules.drain_cap, due=reasons)


def _deadlines(view: View, rules: Rules) -> list[tuple[float, Action, str]]:
    found: list[tuple[float, Action, str]] = []
    if rules.max_lifetime:
        found.append((rules.max_lifetime, Action.STOP, f"maximum lifetime of {rules.max_lifetime:g} s"))
    if rules.boot_deadline and view.claimed_at is None:
        action = Action.DESTROY if view.before is Before.NEVER and not view.unheard else Action.STOP
        found.append((rules.boot_deadline, action, f"unclaimed after {rules.boot_deadline:g} s"))
    elif rules.boot_deadline and view.ready_at is None:
        found.append((rules.boot_deadline, Action.STOP, f"not ready after {rules.boot_deadline:g} s"))
    if rules.idle_stop and _idle_applies(view, rules):
        found.append((_idle_since(view) + rules.idle_stop, Action.STOP, f"idle for {rules.idle_stop:g} s"))
    return found


def _idle_applies(view: View, rules: Rules) -> bool:
    """Idleness is counted once somebody owns a machine that is up; without a boot deadline, from the start."""
    owned_and_up = view.ready_at is not None and (view.claimed_at is not None or view.before is not Before.NEVER)
    return owned_and_up or not rules.boot_deadline


def _idle_since(view: View) -> float:
    if view.in_flight and view.moving:
        return view.now
    return max(at or 0.0 for at in (view.claimed_at, view.ready_at, view.work_at))

"""Start without the web host: the app finds the backend by itself, and an instance with another key is of no use to it.

What the apps use is not known. So what runs is retired only if no app can know it, and what is stopped only if its
start was given up: it serves no app, and another instance does, or needs its slot.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.machine.derived_keys import derives_for_apps
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.candidates import rivals
from ert_deploy.core.planning.health import ASLEEP, READY, STRANDED, STUCK, Candidate
from ert_deploy.core.planning.records import lingering, retire, turn, unsettled
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.planning.unpublished.known import to_verify, unknown_to_apps


def start(situation: Situation) -> Iterator[Step]:
    """Yield the steps until an instance serves. The engine executes `Rent` only if the apps can use another one."""
    now = situation.classified
    yield from _unknown(situation)
    for candidate in now.others:
        if now.verdicts[candidate.instance.id].stage is STUCK:
            yield steps.Strand(candidate.instance.id, now.verdicts[candidate.instance.id].reason)
    current = now.current
    if current is None:
        yield from _rent(situation)
    elif (verdict := now.verdicts[current.instance.id]).stage is READY:
        if to_verify(situation, current):
            yield steps.Pin(current.instance.id, "agents name it to apps after that")
        for candidate in _given_up(situation):
            yield retire(candidate.instance, "another instance serves, and it cannot be started")
        yield from unsettled(situation)
        yield from lingering(situation)
    else:
        if verdict.stage is ASLEEP:
            yield steps.Wake(current.instance.id, verdict.reason)
        yield steps.AwaitBoot(current.instance.id, verdict.reason)


def _unknown(situation: Situation) -> Iterator[Step]:
    """Retire instances that no app can know: failed ones, and those that are not kept or cannot be started."""
    now = situation.classified
    for candidate in now.failed:
        if unknown_to_apps(candidate):
            verdict = now.verdicts[candidate.instance.id]
            yield retire(candidate.instance, verdict.reason, deny=verdict.deny, end=verdict.end)
    kept = rivals(situation.desired, now)
    for candidate in now.others:
        if candidate not in kept and unknown_to_apps(candidate):
            verdict = now.verdicts[candidate.instance.id]
            if verdict.stage in (STUCK, STRANDED):
                reason = verdict.reason
            else:
                reason = "another instance is kept" if now.current is not None else "it does not fit the config"
            yield retire(candidate.instance, reason)


def _rent(situation: Situation) -> Iterator[Step]:
    """Rent, with a slot of a stopped instance where all are occupied; not of the last one.

    It stays for the case that no offer matches, as without any record there would be nothing to wake.
    """
    if situation.slots_taken >= situation.desired.slots:
        yield from unsettled(situation)
        for candidate in _given_up(situation)[:1] if len(situation.candidates) > 1 else ():
            yield retire(candidate.instance, "it cannot be started, and its slot is needed")
        yield from lingering(situation)
    elif situation.awaits_turn:
        yield from turn(situation)
    yield steps.Rent("no instance that the apps may know can serve")


def _given_up(situation: Situation) -> tuple[Candidate, ...]:
    """Return the stopped instances whose start was given up, if another one can serve the apps in their place."""
    if not derives_for_apps(situation.desired):
        return ()
    now = situation.classified
    return tuple(c for c in now.others if c.instance.stopped and now.verdicts[c.instance.id].stage is STRANDED)

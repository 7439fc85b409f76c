"""Plan: `plan(situation)` returns the steps; the single decision procedure of the product.

It is a deterministic function of desired and actual state. The engine executes the first step, observes and plans
again, so the other steps are a forecast. Recovery is not a separate mode: the next plan covers it.

Order: instances that exist already are recorded first, then obsolete ones are deleted, then missing ones are started or
rented, then the app is moved over, and an old backend is removed last, when it has no more requests.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.watch import NO_LAG
from ert_deploy.core.model.desired import ABSENT, ASLEEP, Desired
from ert_deploy.core.model.observed import HEALTHY
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning import health as stages
from ert_deploy.core.planning.app_env import touched
from ert_deploy.core.planning.candidates import PAIR, rivals
from ert_deploy.core.planning.changes.differences import limits_of, stricter
from ert_deploy.core.planning.changes.fitness import fits, unfit
from ert_deploy.core.planning.departure.external import to_external
from ert_deploy.core.planning.departure.leave import asked, leave
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.key_acceptance import accepts, may_take_others
from ert_deploy.core.planning.records import (
    expired,
    lingering,
    pending_deletions,
    reconcile_records,
    retire,
    taken,
    turn,
    unknown,
    unsettled,
    vanished,
)
from ert_deploy.core.planning.rollout import drained, forecast, moves, moving_until, publish, withdraw
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.planning.sleep import asleep
from ert_deploy.core.planning.unpublished.start import start


def plan(situation: Situation) -> tuple[Step, ...]:
    """Return the steps from actual to desired state; empty if they are equal."""
    return tuple(_steps(situation))


def next_step(situation: Situation) -> Step | None:
    """Return the first step, the only one executed before the next observation; None if there is none."""
    return next(_steps(situation), None)


def _steps(situation: Situation) -> Iterator[Step]:
    if situation.desired.phase is ABSENT:
        return _absent(situation)
    if situation.desired.phase is ASLEEP:
        return asleep(situation)
    server = situation.desired.external
    return _running(situation) if server is None else to_external(situation, server)


def _running(situation: Situation) -> Iterator[Step]:
    yield from reconcile_records(situation)
    if not situation.desired.publishes:
        yield from start(situation)
        return
    now = situation.classified
    for candidate in now.failed:
        verdict = now.verdicts[candidate.instance.id]
        yield retire(candidate.instance, verdict.reason, deny=verdict.deny, end=verdict.end)
    hedged = rivals(situation.desired, now) if situation.desired.launch.hedge >= PAIR else ()
    others = tuple(c for c in now.others if c not in hedged) if hedged else now.others
    yield from _surplus(situation.desired, others, now.current is not None)
    for candidate in now.others:
        if now.verdicts[candidate.instance.id].stage is stages.STUCK:
            yield steps.Strand(candidate.instance.id, now.verdicts[candidate.instance.id].reason)
    if now.current is None:
        yield from _rent(situation)
    else:
        yield from _go_on(situation, now.current)


def _go_on(situation: Situation, current: Candidate) -> Iterator[Step]:
    verdict = situation.classified.verdicts[current.instance.id]
    match verdict.stage:
        case stages.ASLEEP:
            yield steps.Wake(current.instance.id, verdict.reason)
            yield steps.AwaitBoot(current.instance.id, "its disk has everything it needs")
        case stages.BOOTING:
            if current.watch.lag is not NO_LAG:
                yield from _hedge(situation, current)
            yield steps.AwaitBoot(current.instance.id, verdict.reason)
            if not current.published:
                yield from forecast(situation.desired)
        case _:
            yield from _limits(situation, current)
            yield from _serve(situation, current)
            yield from _old_backends(situation)
            yield from _old_keys(situation, current)
            yield from unsettled(situation)
            yield from lingering(situation)


def _hedge(situation: Situation, current: Candidate) -> Iterator[Step]:
    """Rent a second machine if the only one is behind, unless this run found none or a user has to decide first."""
    desired = situation.desired
    if desired.launch.hedge < PAIR or current.published or situation.observed.unhedged:
        return
    if situation.slots_taken < situation.slots and not situation.undecided:
        yield steps.Rent(f"instance {current.instance.id} is behind: {current.watch.why}")


def _absent(situation: Situation) -> Iterator[Step]:
    found = situation.candidates
    if situation.desired.apps_first:
        yield from _let_go(situation, found)
    for candidate in found:
        yield retire(candidate.instance, "no longer needed")
    yield from pending_deletions(situation)
    for candidate in found:
        yield steps.Destroy(candidate.instance.id, "no longer needed")
        yield steps.ConfirmDeleted(candidate.instance.id, "seen gone")
    if not situation.desired.apps_first:
        yield from withdraw(situation)
    yield from vanished(situation.observed)
    yield from expired(situation)
    yield from taken(situation)
    yield from unsettled(situation)
    if situation.desired.apps_first:
        yield from unknown(situation)
    yield from lingering(situation)


def _let_go(situation: Situation, found: tuple[Candidate, ...]) -> Iterator[Step]:
    """Disconnect all apps, and wait until their requests have finished."""
    yield from withdraw(situation)
    serving = [c for c in found if asked(c)]
    until = drained(situation)
    if serving and (until is None or until > situation.observed.now):
        yield steps.Drain(serving[0].instance.id, until, "requests under way may finish")


def _surplus(desired: Desired, others: tuple[Candidate, ...], replaced: bool) -> Iterator[Step]:
    """Retire unpublished instances as soon as another one is selected, or if they do not match the config."""
    for candidate in others:
        if not candidate.published and (replaced or not fits(desired, candidate)):
            yield retire(candidate.instance, "another instance serves" if replaced else "it does not fit the config")


def _rent(situation: Situation) -> Iterator[Step]:
    apps = situation.targets
    if apps and not any(touched(t.names, p.env) for t, p in apps):
        yield steps.WriteMarkers(tuple(t.service for t, _ in apps), "no instance was ever rented for it")
    if situation.slots_taken >= situation.desired.slots:
        yield from unsettled(situation)
        yield from _spare(situation)
        yield from lingering(situation)
    elif situation.awaits_turn:
        yield from turn(situation)
    kept = situation.serving
    yield steps.Rent(
        f"instance {kept[0].instance.id} serves until then: {unfit(situation.desired, kept[0])}"
        if kept
        else "no backend is there"
    )
    yield steps.AwaitBoot(None, "the one that will be rented")
    yield from forecast(situation.desired)


def _spare(situation: Situation) -> Iterator[Step]:
    """If all slots are occupied and no instance is usable, free one: stopped, or no longer usable by any app."""
    now = situation.classified
    if len(now.others) < situation.desired.slots:
        return
    for candidate in now.others:
        if candidate.instance.stopped:
            yield retire(candidate.instance, "it is stopped and unusable, and its slot is needed")
            return
    spare = [c for c in now.others if not situation.usable_by_an_app(c.instance)]
    spare.sort(key=lambda c: _in_use(situation, c))
    if not spare:
        return
    until = drained(situation)
    if until is not None and until > situation.observed.now:
        yield steps.Drain(spare[0].instance.id, until, "requests under way may finish")
    moved = moving_until(situation)
    if moved > situation.observed.now and situation.runs_with(spare[0].instance):
        yield steps.Drain(spare[0].instance.id, moved, "an app that may run with it is being deployed")
    yield retire(spare[0].instance, "no app can use it any more, and its slot is needed")


def _in_use(situation: Situation, candidate: Candidate) -> tuple[bool, bool]:
    """Sort key, least used first: an app may run with it (a silent one with any published), it was ever published."""
    published = candidate.record is not None and candidate.record.published
    silent = any(p.live_fingerprint is None for _, p in situation.targets)
    return situation.runs_with(candidate.instance) or (published and silent), published


def _serve(situation: Situation, current: Candidate) -> Iterator[Step]:
    health, record = current.health, current.record
    certificate = health.certificate if health is not None and health.vital is HEALTHY else None
    address = current.instance.address
    if certificate is None or address is None or situation.observed.publications is None:
        yield steps.AwaitBoot(current.instance.id, "its address is not known yet")
        return
    key = situation.current_key(current.instance)
    yield from _new_key(situation, current, key)
    if record is None or record.certificate != certificate or record.stranded:
        yield steps.Pin(current.instance.id, "it proved its identity")
    yield from moves(situation.desired) if key is None else publish(situation, address.url(), key, certificate)


def _limits(situation: Situation, current: Candidate) -> Iterator[Step]:
    """Give the guard the limits of the config, if its image takes them while it runs."""
    wanted, health = limits_of(situation.desired.launch.guard), current.health
    if health is None or health.limits is None or (situation.desired.shortens_idle and stricter(health.limits, wanted)):
        return
    if health.limits != wanted:
        yield steps.SetLimits(current.instance.id, *wanted, "its guard takes other limits while it runs")


def _new_key(situation: Situation, current: Candidate, key: Secret | None) -> Iterator[Step]:
    """Create and add a key of this instance's own before any app receives it."""
    made = situation.observed.made.get(current.instance.id)
    if key is not None and not (situation.observed.rotating and not accepts(current.instance, current.record, made)):
        return
    until = drained(situation)
    if current.published and until is not None and until > situation.observed.now:
        yield steps.Drain(current.instance.id, until, "requests with an unknown key may finish")
    why = "a new key is to take the place of the old one" if key is not None else "no app holds a key that it takes"
    yield steps.AddKey(current.instance.id, why)


def _old_keys(situation: Situation, current: Candidate) -> Iterator[Step]:
    """Remove the other keys once every app uses the current one and no request with another can be active."""
    record, key = current.record, situation.current_key(current.instance)
    if record is None or key is None or not may_take_others(record, key):
        return
    until = drained(situation)
    if until is None or until > situation.observed.now:
        yield steps.Drain(current.instance.id, until, "requests with another key may finish")
    yield steps.DropKeys(current.instance.id, "it takes a key that no app is to use")


def _old_backends(situation: Situation) -> Iterator[Step]:
    yield from leave(situation, (c for c in situation.classified.others if c.published), "replaced")

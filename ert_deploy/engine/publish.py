"""Update of an app, as careful as a database migration.

Set each variable that differs, wait until no deploy is active, start one, follow exactly that one, and verify only by
the fingerprint of the running process. If that fails, restore the previous values, whose backend still runs, and raise.
"""

from __future__ import annotations

import math

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import ABSENT, Desired, Target
from ert_deploy.core.model.errors import Failed, Gone, OutcomeUnknown, Rejected
from ert_deploy.core.model.events import DeploySeen, Proven, Trouble, Waiting, Wrote
from ert_deploy.core.model.observed import DeployKind, Observed, Publication, WebDeploy
from ert_deploy.core.model.quick_dataclass import changed
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import Rollout
from ert_deploy.core.planning.app_env import fingerprint
from ert_deploy.core.planning.polling import DEPLOY, after
from ert_deploy.core.planning.rollout import announced, wanted_values
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.following import has_followed
from ert_deploy.engine.freshness import write_variables
from ert_deploy.engine.observe import find_service, own_time
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import AppProbe, Audience, Clock, StateStore, TimeSource, WebHost

LIVE, IN_FLIGHT = DeployKind.LIVE, DeployKind.IN_FLIGHT  # a lookup in an enum takes longer than a call on Python 3.11
EMPTY_ANSWERS = 6  # deploys accepted without an id before the run fails


def publish(step: steps.Publish, run: Run) -> Effects[None]:
    """Set and delete the owned variables of one target, the fingerprint last."""
    target, publication = _pair(step.target, run.situation)
    if publication.suspended:
        hint = f"resume it at {run.desired.platform.name} first"
        raise Failed(f"{publication.name} is suspended ({publication.suspended})", hint=hint)
    wanted = wanted_values(run.situation, target)
    url = target.names.url
    yield from _announce(publication, run.observed, {wanted.get(url), publication.env.get(url)})
    if run.desired.phase is not ABSENT:  # on the way down, the old values name a backend to delete
        if _proven(target, publication, run.observed):
            run.memory.before[step.target] = publication.env  # older values may name a backend that no longer exists
        run.memory.before.setdefault(step.target, publication.env)
    if (yield from write_variables((*step.write, *step.delete), wanted, publication, run, run.memory.read)):
        yield from ask(Audience.tell, Wrote(publication.name, step.write, step.delete))
    else:
        run.memory.before.pop(step.target, None)  # older than what another run may have written


def _proven(target: Target, publication: Publication, observed: Observed) -> bool:
    """Whether the app was seen to run with the values in the environment."""
    rollout = observed.state.rollout(publication.service_id)
    own = {name: value for name, value in publication.env.items() if name != target.names.fingerprint}
    return rollout is not None and bool(rollout.proven) and rollout.fingerprint == fingerprint(own)


def deploy(step: steps.Deploy, run: Run) -> Effects[None]:
    """Start a deploy with an id that is certainly of this run, and store it; none if the app follows by itself."""
    target, publication = _pair(step.target, run.situation)
    if (yield from has_followed(target, publication, run)):
        return
    expected = wanted_values(run.situation, target)[target.names.fingerprint].reveal()
    try:
        started = yield from _start(run.desired, publication)
    except Rejected as error:
        yield from _put_back(target, publication, run)
        what = f"{run.desired.platform.name} rejected the deploy of {publication.name}: {error.summary}"
        raise Failed(what, error.detail, error.hint) from error
    run.memory.deploys.add(started.id)
    rollout = Rollout(publication.service_id, expected, started.id, run.observed.stamp())
    yield from ask(StateStore.save, run.observed.state.put_rollout(rollout))


def prove(step: steps.Prove, run: Run) -> Effects[None]:
    """Follow the deploy, then wait for the fingerprint; restore the old values if either fails."""
    target, publication = _pair(step.target, run.situation)
    rollout = run.observed.state.rollout(publication.service_id)
    live = False
    try:
        if rollout is not None and rollout.fingerprint == step.fingerprint and not rollout.proven:
            yield from _follow(run, target, publication, rollout.deploy_id)
            live = True
            yield from _see(step.fingerprint, run.desired, target, publication)
        elif rollout is not None and rollout.proven and publication.live_fingerprint is None:
            yield from _see(step.fingerprint, run.desired, target, publication)
        elif not (yield from _stands(step.fingerprint, run.desired, target, publication)):
            return  # a foreign deploy has applied or may apply other values: plan again
    except Failed as error:
        if rollout is not None and (rollout.proven or rollout.deploy_id not in run.memory.deploys):
            yield from ask(StateStore.save, run.observed.state.drop_rollout(publication.service_id))
            what = "deploying again" if rollout.proven else "a deploy of an earlier run"
            yield from ask(Audience.tell, Trouble(what, error.summary))  # a deploy of this run may still succeed
            return
        restored = yield from _put_back(target, publication, run)
        if live and restored:
            yield from _start(run.desired, publication)
        raise
    run.memory.before[step.target] = publication.env
    now = (yield from ask(TimeSource.moment)).stamp()
    base = rollout or Rollout(publication.service_id, step.fingerprint, "", now)
    proven = changed(base, fingerprint=step.fingerprint, proven=now)
    yield from ask(StateStore.save, run.observed.state.put_rollout(proven))
    yield from ask(Audience.tell, Proven(publication.name, publication.app_url, step.fingerprint))


def _start(desired: Desired, publication: Publication) -> Effects[WebDeploy]:
    deadline = (yield from ask(TimeSource.moment)).steady + desired.timings.deploy_limit
    for _ in range(EMPTY_ANSWERS):
        yield from _idle(desired, publication, deadline)
        try:
            started = yield from ask(WebHost.deploy, publication.service_id)
        except OutcomeUnknown:
            started = None
        if started is not None:
            yield from ask(Audience.tell, DeploySeen(publication.name, started.id, started.status))
            return started
        yield from ask(Clock.sleep, desired.timings.poll * DEPLOY)
    raise Failed(f"{desired.platform.name} accepted {EMPTY_ANSWERS} deploys of {publication.name} without naming one")


def _idle(desired: Desired, publication: Publication, deadline: float) -> Effects[None]:
    """Wait until the newest deploy is finished: only one runs at a time, and a pending one has no id to follow.

    As in all waits of this module, the clock is read first: what was read before this machine was suspended is old.
    """
    began = math.inf
    while True:
        now = (yield from ask(TimeSource.moment)).steady
        newest = yield from ask(WebHost.newest_deploy, publication.service_id)
        if newest is None or newest.kind is not DeployKind.IN_FLIGHT:
            return
        if now >= deadline:
            raise _stuck(newest, publication, desired.platform.name)
        began = min(began, now)
        yield from ask(Audience.tell, DeploySeen(publication.name, newest.id, newest.status))
        yield from ask(Clock.sleep, after(now - began, desired.timings, DEPLOY))


def _stands(expected: str, desired: Desired, target: Target, publication: Publication) -> Effects[bool]:
    """Whether the app reports the fingerprint while no deploy is active that could change it."""
    newest = yield from ask(WebHost.newest_deploy, publication.service_id)
    if newest is not None and newest.kind is DeployKind.IN_FLIGHT:
        now = yield from ask(TimeSource.moment)
        yield from _idle(desired, publication, now.steady + desired.timings.deploy_limit)
        return False
    return (yield from ask(AppProbe.fingerprint, publication.app_url, target)) == expected


def _follow(run: Run, target: Target, publication: Publication, deploy_id: str) -> Effects[None]:
    """Wait until the deploy is live. If a newer deploy replaced or canceled it, follow that one instead."""
    began, shown = math.inf, ""
    while True:
        now = (yield from ask(TimeSource.moment)).steady
        began = min(began, now)
        try:
            seen = yield from ask(WebHost.get_deploy, publication.service_id, deploy_id)
        except Gone as error:
            raise Failed(f"deploy {deploy_id} of {publication.name} is not known any more", error.summary) from error
        if seen.status != shown:
            yield from ask(Audience.tell, DeploySeen(publication.name, seen.id, seen.status))
            shown = seen.status
        if seen.kind is LIVE:
            return
        if seen.kind is not IN_FLIGHT:
            newest = yield from ask(WebHost.newest_deploy, publication.service_id)
            if newest is None or newest.id == deploy_id or newest.created < seen.created:
                raise (yield from _failure(run.memory, target, seen))
            deploy_id = newest.id
            continue
        if now - began >= run.desired.timings.deploy_limit:
            raise _stuck(seen, publication, run.desired.platform.name)
        yield from ask(Clock.sleep, after(now - began, run.desired.timings, DEPLOY))


def _stuck(deploy: WebDeploy, publication: Publication, host: str) -> Failed:
    """Return the error; a failing health check blocks a deploy, and all later ones, for 15 minutes."""
    return Failed(
        f"deploy {deploy.id} of {publication.name} is still {deploy.status}",
        hint=f"read its log at {host}, cancel it there, and run the command again",
    )


def _failure(memory: RunMemory, target: Target, seen: WebDeploy) -> Effects[Failed]:
    service = yield from find_service(target, memory)
    why = yield from ask(WebHost.failure, service, seen)
    return Failed(
        f"deploy {seen.id} of {service.name} finished as {seen.status}; the previous version keeps serving",
        why,
        "fix the app, or what the reason names, and run the command again",
    )


def _see(expected: str, desired: Desired, target: Target, publication: Publication) -> Effects[None]:
    began = math.inf
    while True:
        now = (yield from ask(TimeSource.moment)).steady
        began = min(began, now)
        waited = now - began
        if (shown := (yield from ask(AppProbe.fingerprint, publication.app_url, target))) == expected:
            return
        if waited >= desired.timings.prove_limit:
            raise Failed(
                f"{publication.name} shows {shown or 'no fingerprint'} instead of {expected}",
                f"requested {publication.app_url}{target.health_path} for the field {target.health_field!r}",
                "the app must report the value of its fingerprint variable there",
            )
        wait = after(waited, desired.timings, DEPLOY)
        yield from ask(Audience.tell, Waiting(f"{publication.name} to show the new fingerprint", wait))
        yield from ask(Clock.sleep, wait)


def _put_back(target: Target, publication: Publication, run: Run) -> Effects[bool]:
    """Restore the values found by this run, unless another run has saved anything since this one has read it."""
    began = own_time((yield from ask(TimeSource.moment)), run.memory)
    yield from ask(StateStore.save, run.observed.state.drop_rollout(publication.service_id))
    before = run.memory.before.pop(target.service, None)
    if before is None:
        return False
    if not (yield from write_variables(target.names.all(), before, publication, run, began)):
        return False
    yield from ask(Audience.tell, Trouble(f"the old values of {publication.name} were put back", "its deploy failed"))
    return True


def _pair(name: str, situation: Situation) -> tuple[Target, Publication]:
    target = next(t for t in situation.desired.targets if t.service == name)
    return target, next(p for p in situation.observed.publications or () if p.target == name)


def _announce(publication: Publication, observed: Observed, urls: set[Secret | None]) -> Effects[None]:
    """Save before the app is updated: the `Rollout` is no longer proven, and which instances it uses.

    An instance in use is drained before it is deleted. A deploy of the previous values may be active: an app that then
    reports the new fingerprint is an old process that had the same values before.
    """
    state = announced(observed, publication.service_id, urls)
    if state is not observed.state:
        yield from ask(StateStore.save, state)

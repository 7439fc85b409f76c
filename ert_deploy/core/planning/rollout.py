"""Rollout to an app: write the variables that have changed, deploy, and verify the running process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import ABSENT, Desired, Target
from ert_deploy.core.model.observed import Observed, Publication
from ert_deploy.core.model.quick_dataclass import changed
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.app_env import change, connected, touched, withdrawn
from ert_deploy.core.planning.situation import Situation


def publish(situation: Situation, url: str, key: Secret, certificate: str, model: str = "") -> Iterator[Step]:
    """Yield the remaining steps until every target runs with this backend; `model` is that of an external one."""
    for target, publication in situation.targets:
        wanted = connected(target, url, key, certificate, model)
        yield from _towards(situation.observed, target, publication, wanted)
        if _silent(situation.observed, target, publication):
            mark = publication.env[target.names.fingerprint].reveal()
            yield steps.Prove(target.service, mark, "it was verified before, and the running app no longer returns it")


def withdraw(situation: Situation) -> Iterator[Step]:
    """Yield the remaining steps until no target uses a backend; targets never written to are not changed.

    That an app was verified without a replica is forgotten with its state: what it reports is not verified then, as
    long as it is nothing that contradicts.
    """
    observed = situation.observed
    for target, publication in situation.targets:
        if not touched(target.names, publication.env) or target.service in observed.abandoned:
            continue
        wanted = withdrawn(target)
        agrees = publication.live_fingerprint in (None, wanted[target.names.fingerprint].reveal())
        if situation.ours or not (observed.removed and agrees) or change(target.names, publication.env, wanted):
            yield from _towards(observed, target, publication, wanted)


def forecast(desired: Desired) -> Iterator[Step]:
    """Yield the expected steps before the backend's address is known, starting with a key of its own."""
    yield steps.AddKey(None, "a key of its own")
    yield from moves(desired)


def moves(desired: Desired) -> Iterator[Step]:
    """Yield the steps that move every app to a backend whose values are not known yet."""
    for target in desired.targets:
        names = target.names
        late = (names.url, names.key, names.certificate, names.fingerprint)
        yield steps.Publish(target.service, late, (), "known after boot")
        yield steps.Deploy(target.service, "to take up the new environment")
        yield steps.Prove(target.service, "", "known after boot")


def wanted_values(situation: Situation, target: Target) -> Mapping[str, Secret]:
    """Return the desired variables of the target: no backend on the way down, else the current one."""
    if situation.desired.phase is ABSENT:
        return withdrawn(target)
    server = situation.desired.external
    if server is not None:
        assert server.key is not None, "a run does not begin without it"
        return connected(target, server.url, server.key, server.certificate, server.model)
    current = situation.classified.current
    assert current is not None, "the plan publishes only this"
    assert current.instance.address is not None
    key = situation.current_key(current.instance)
    certificate = situation.observed.health[current.instance.id].certificate
    assert key is not None
    assert certificate is not None, "it has proved its identity to this run, whatever the state contains"
    return connected(target, current.instance.address.url(), key, certificate)


def announced(observed: Observed, service_id: str, urls: Collection[Secret | None]) -> State:
    """Return the state to store before a service gets or loses these URLs: not proven, and which instances it uses."""
    state = observed.state
    if state.rollout(service_id) is not None:
        state = state.drop_rollout(service_id)
    for instance in observed.instances:
        record = observed.state.record(instance.id)
        if record is None or instance.address is None or record.published:
            continue
        if Secret(instance.address.url()) in urls:
            state = state.put_record(changed(record, published=True))
    return state


def drained(situation: Situation) -> float | None:
    """Return the time at which all requests to an old backend count as finished; None while an app is not moved yet.

    Without apps to move (no target was read, or none was ever connected) there is no waiting time.
    """
    drain = situation.desired.timings.drain
    moved = [
        situation.observed.state.rollout(p.service_id)
        for t, p in situation.targets
        if touched(t.names, p.env) and t.service not in situation.observed.abandoned
    ]
    proven = [situation.observed.age(r.service_id, r.proven) for r in moved if r is not None and r.proven]
    if len(proven) < len(moved):
        return None
    return situation.observed.now + drain - min(proven, default=drain)


def moving_until(situation: Situation) -> float:
    """Return the deadline of the last deploy that is not verified yet; 0 if no deploy is active."""
    begun = (situation.observed.state.rollout(p.service_id) for _, p in situation.targets)
    ages = [situation.observed.age(r.service_id, r.at) for r in begun if r is not None and not r.proven]
    return situation.observed.now + situation.desired.timings.deploy_limit - min(ages) if ages else 0.0


def _silent(observed: Observed, target: Target, publication: Publication) -> bool:
    """Whether an app reports no fingerprint any more: it does not respond, or was rolled back to an older version.

    This is ignored on the way down, as it no longer serves the app.
    """
    rollout, mark = observed.state.rollout(publication.service_id), publication.env.get(target.names.fingerprint)
    proven = rollout is not None and bool(rollout.proven) and mark == Secret(rollout.fingerprint)
    return proven and publication.live_fingerprint is None


def _towards(
    observed: Observed, target: Target, publication: Publication, wanted: Mapping[str, Secret]
) -> Iterator[Step]:
    name, mark = target.service, wanted[target.names.fingerprint].reveal()
    difference = change(target.names, publication.env, wanted)
    if difference:
        if observed.others.join > observed.now:
            yield steps.AwaitTurn(observed.others.join, "others boot, and one deploy is to serve them all")
        yield steps.Publish(name, difference.write, difference.delete, "the environment differs")
        yield steps.Deploy(name, "to take up the new environment")
        yield steps.Prove(name, mark, "200 from an old process is no proof")
        return
    rollout = observed.state.rollout(publication.service_id)
    ours = rollout is not None and rollout.fingerprint == mark
    if publication.live_fingerprint == mark and ours and rollout is not None and rollout.proven:
        return
    if publication.live_fingerprint is None and ours and rollout is not None and rollout.proven:
        return
    if publication.live_fingerprint != mark and not (ours and rollout is not None and not rollout.proven):
        shown = publication.live_fingerprint or "no fingerprint"
        yield steps.Deploy(name, f"the running app returns {shown}")
    yield steps.Prove(name, mark, "the running app has to show the new fingerprint")

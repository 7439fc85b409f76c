"""The part of the plan that moves an app over: write what differs, deploy, see the running process prove it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired, Target
from ert_deploy.core.model.observed import Observed, Publication
from ert_deploy.core.model.once import once
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.app_env import change, connected, touched, withdrawn


def publish(desired: Desired, observed: Observed, url: str, key: Secret, certificate: str) -> Iterator[Step]:
    """What is left to do until every target runs with this backend."""
    for target, publication in pairs(desired, observed):
        yield from _towards(observed, target, publication, connected(target, url, key, certificate))
        if _silent(observed, target, publication):
            mark = publication.env[target.names.fingerprint].reveal()
            yield steps.Prove(target.service, mark, "it was proven once, and the running app does not show it now")


def withdraw(desired: Desired, observed: Observed) -> Iterator[Step]:
    """What is left to do until no target of ours points anywhere; targets we never wrote to are left alone."""
    for target, publication in pairs(desired, observed):
        if touched(target.names, publication.env) and target.service not in observed.abandoned:
            yield from _towards(observed, target, publication, withdrawn(target))


def forecast(desired: Desired) -> Iterator[Step]:
    """The same steps before the backend's address is known. It gets a key of its own first."""
    yield steps.AddKey(None, "a key of its own")
    yield from moves(desired)


def moves(desired: Desired) -> Iterator[Step]:
    """How every app will be moved over to what is not known yet."""
    for target in desired.targets:
        names = target.names
        late = (names.url, names.key, names.certificate, names.fingerprint)
        yield steps.Publish(target.service, late, (), "known after boot")
        yield steps.Deploy(target.service, "to take up the new environment")
        yield steps.Prove(target.service, "", "known after boot")


def drained(desired: Desired, observed: Observed) -> float | None:
    """When the last request to an old backend may be taken as finished; None while some app is not moved over.

    With nothing to move (no target was read, or none was ever ours) there is nothing to wait for.
    """
    drain = desired.timings.drain
    moved = [
        observed.state.rollout(p.service_id)
        for t, p in pairs(desired, observed)
        if touched(t.names, p.env) and t.service not in observed.abandoned
    ]
    proven = [observed.age(r.service_id, r.proven) for r in moved if r is not None and r.proven]
    if len(proven) < len(moved):
        return None
    return observed.now + drain - min(proven, default=drain)


@once
def pairs(desired: Desired, observed: Observed) -> tuple[tuple[Target, Publication], ...]:
    """Each target with what was read of it; targets that were not read are left out."""
    by_name = {p.target: p for p in observed.publications or ()}
    return tuple((t, by_name[t.service]) for t in desired.targets if t.service in by_name)


def moving_until(desired: Desired, observed: Observed) -> float:
    """When the last deploy that an app has not proven yet is out of time; 0 where none is under way."""
    begun = (observed.state.rollout(p.service_id) for _, p in pairs(desired, observed))
    ages = [observed.age(r.service_id, r.at) for r in begun if r is not None and not r.proven]
    return observed.now + desired.timings.deploy_limit - min(ages) if ages else 0.0


def _silent(observed: Observed, target: Target, publication: Publication) -> bool:
    """Whether an app that was proven shows nothing now: it does not answer, or runs an older version after a rollback.

    On the way down that is no matter: nothing of ours serves it any more.
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
        yield steps.Publish(name, difference.write, difference.delete, "the environment differs")
        yield steps.Deploy(name, "to take up the new environment")
        yield steps.Prove(name, mark, "200 from an old process proves nothing")
        return
    rollout = observed.state.rollout(publication.service_id)
    ours = rollout is not None and rollout.fingerprint == mark
    if publication.live_fingerprint == mark and ours and rollout is not None and rollout.proven:
        return
    if publication.live_fingerprint is None and ours and rollout is not None and rollout.proven:
        return
    if publication.live_fingerprint != mark and not (ours and rollout is not None and not rollout.proven):
        shown = publication.live_fingerprint or "no fingerprint"
        yield steps.Deploy(name, f"the running app shows {shown}")
    yield steps.Prove(name, mark, "the running app has to show the new fingerprint")

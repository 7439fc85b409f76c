"""Edits of an actual state: copies of it with another time, state, instance or app."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ert_deploy.core.model.observed import Instance, Observed, Publication
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State


def later(observed: Observed, until: float) -> Observed:
    """Return the same at a later time."""
    passed = max(0.0, until - observed.now)
    provider = None if observed.provider_now is None else observed.provider_now + passed
    return replace(observed, now=observed.now + passed, provider_now=provider)


def with_instance(observed: Observed, instance_id: InstanceId, **changes: Any) -> Observed:
    """Return the same with an instance changed."""
    changed = (replace(i, **changes) if i.id == instance_id else i for i in observed.instances)
    return replace(observed, instances=tuple(changed))


def with_state(observed: Observed, state: State) -> Observed:
    """Return the same with another state."""
    return replace(observed, state=state)


def with_record(observed: Observed, instance_id: InstanceId, **changes: Any) -> Observed:
    """Return the same with the record of an instance changed, if it has one."""
    record = observed.state.record(instance_id)
    return observed if record is None else with_state(observed, observed.state.put_record(replace(record, **changes)))


def with_app(observed: Observed, target: str, **changes: Any) -> Observed:
    """Return the same with an app changed."""
    changed = (replace(p, **changes) if p.target == target else p for p in observed.publications or ())
    return replace(observed, publications=tuple(changed))


def instance_of(observed: Observed, instance_id: InstanceId) -> Instance:
    """Return the instance with this id; it has to exist."""
    return next(i for i in observed.instances if i.id == instance_id)


def app_of(observed: Observed, target: str) -> Publication:
    """Return the app of this target; it has to have been read."""
    return next(p for p in observed.publications or () if p.target == target)

"""What can be known of a deployment from its marked instances alone: the state begun anew, and the strays."""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.observed import Instance
from ert_deploy.core.state import Record, State


def rebuilt(deployment: str, instances: Iterable[Instance], now: float) -> State:
    """A first state that knows every instance with both marks of the deployment, as `up` would write them down."""
    records = (
        Record(i.mark.token, i.id, i.machine_id, now)
        for i in instances
        if i.mark is not None and i.mark.deployment == deployment
    )
    return State(deployment, records=tuple(sorted(records, key=lambda r: r.id)))


def known(state: State, instance_id: int, token: str) -> bool:
    """Whether the state means to keep it: it has its record, or a create under way that may be this one.

    A tombstone does not: that instance is to go.
    """
    return state.record(instance_id) is not None or any(i.token == token for i in state.intents)


def strays(instances: Iterable[Instance], state: State) -> tuple[Instance, ...]:
    """Instances with both marks of the state's deployment that it does not know, oldest first.

    `instances` must have been listed before the state was read: a newborn then shows up in the state.
    """
    found = (
        i
        for i in instances
        if i.mark is not None and i.mark.deployment == state.deployment and not known(state, i.id, i.mark.token)
    )
    return tuple(sorted(found, key=lambda i: i.id))

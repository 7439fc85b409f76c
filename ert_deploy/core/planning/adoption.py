"""What can be known of a deployment from its marked instances alone: the state begun anew, and the strays."""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import LONG_AGO, Record, State
from ert_deploy.core.planning.age import by_age


def rebuilt(deployment: str, ours: Iterable[Instance], now: float) -> State:
    """A first state that knows every instance that is ours, as `up` would write them down.

    `now` is by our own clock, and so it becomes a name: what the state before knew is waited for as long as it takes.
    """
    return State(deployment, records=tuple(adopted(i, -now) for i in ours), begun=-now)


def adopted(instance: Instance, now: float, *, may_serve: bool = False) -> Record:
    """A first record of a marked instance that no state knows. A stopped one may have a start queued all the same.

    One that may serve, or may have before it was stopped, counts as published: nobody remembers which app was told
    about it, and one may run with it.
    """
    token = instance.mark.token if instance.mark is not None else ""
    woken = LONG_AGO if instance.halted else 0.0
    return Record(token, instance.id, instance.machine_id, now, published=may_serve, woken=woken)


def known(state: State, instance_id: InstanceId, token: str) -> bool:
    """Whether the state means to keep it: it has its record, or a create under way that may be this one.

    A tombstone does not: that instance is to go.
    """
    return state.record(instance_id) is not None or any(i.token == token for i in state.intents)


def strays(ours: Iterable[Instance], state: State) -> tuple[Instance, ...]:
    """Those of our instances that the state does not know, oldest first.

    They must have been listed before the state was read: a newborn then shows up in the state.
    """
    found = (i for i in ours if i.mark is not None and not known(state, i.id, i.mark.token))
    return tuple(sorted(found, key=by_age(state)))

"""Recovery of a deployment from its marked instances: a rebuilt state, and instances that are not in the state."""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.model.observed import Instance, Observed, Power, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import LONG_AGO, InstanceRecord, State
from ert_deploy.core.planning.age import by_age


def rebuilt(deployment: str, ours: Iterable[Instance], now: float) -> State:
    """Return an initial state that contains all instances of the deployment, as `up` would record them.

    `now` is the local time, and is therefore stored only as an id: any create in the previous state is waited for
    during the full settle time.
    """
    return State(deployment, records=tuple(adopted(i, -now) for i in ours), begun=-now)


def adopted(instance: Instance, now: float, *, may_serve: bool = False) -> InstanceRecord:
    """Return an initial record of a marked instance. The start of a stopped one may be pending.

    With `may_serve` (also for one that may have served before it was stopped) it is considered published: it is unknown
    which app uses it, and an app may be running with it.
    """
    token = instance.mark.token if instance.mark is not None else ""
    woken = LONG_AGO if instance.halted else 0.0
    return InstanceRecord(token, instance.id, instance.machine_id, now, published=may_serve, woken=woken)


def as_found(observed: Observed, instance: Instance, token: str) -> InstanceRecord:
    """Return the record of an instance without one: as its create call would have, if that is still in the state.

    One that had a record before, and was missing for a while, has an `Intent` without an offer: apps may know it, and
    its keys may have been changed.
    """
    intent = next((i for i in observed.state.intents if i.token == token), None)
    if intent is not None:
        return InstanceRecord(
            token, instance.id, instance.machine_id, intent.at, keys=instance.key_hashes if intent.offer_id else (),
            host_id=intent.host_id, ip=intent.ip,
        )  # fmt: skip
    health = observed.health.get(instance.id)
    healthy = health is not None and health.vital is Vital.HEALTHY
    cut_off = health is not None and health.vital is Vital.UNREACHABLE and instance.power is Power.RUNNING
    served = instance.halted and instance.ended
    return adopted(instance, observed.stamp(), may_serve=served or healthy or cut_off)


def known(state: State, instance_id: InstanceId, token: str) -> bool:
    """Whether the state keeps the instance: it has a record, or a pending create with its token.

    A tombstone does not count, as that instance will be deleted.
    """
    return state.record(instance_id) is not None or any(i.token == token for i in state.intents)


def strays(ours: Iterable[Instance], state: State) -> tuple[Instance, ...]:
    """Return the deployment's instances that are missing in the state, oldest first.

    They must have been listed before the state was read, so that the state already contains new instances.
    """
    found = (i for i in ours if i.mark is not None and not known(state, i.id, i.mark.token))
    return tuple(sorted(found, key=by_age(state)))

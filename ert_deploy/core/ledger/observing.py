"""Transitions from what is seen: the list of instances with their prices, and the history in the state.

What one run could not write, the next one derives: from the provider's own times and prices, and from the events of the
state. Where neither tells when a machine stopped, the whole time until it was seen stopped counts, with its earliest
possible end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ert_deploy.core.ledger.intervals import Standing, standing
from ert_deploy.core.ledger.model import GONE, GRANTED, HOUR, RENTED, RUNNING, STOPPED, Ledger, Transition
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Instance, Power
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.model.state import State

BILLED = (Power.RUNNING, Power.EXITED)  # the GPU, until it is known to be stopped
SAME = 0.001  # of a price: less is rounding
BUDGET = "ERT_BUDGET_SECONDS"  # variable of a container: how long its guard lets its GPU run
AGAIN = 1.0  # s after its end from which a machine counts that is there again


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides a list of instances, by their ids.

    `ended` is when the provider accepted their destruction, `ran` how many seconds they had run since their last start
    when their guard stopped them, `traffic` the $ of their download, at most.
    """

    ended: Mapping[InstanceId, float] = field(default_factory=dict)
    ran: Mapping[InstanceId, float] = field(default_factory=dict)
    traffic: Mapping[InstanceId, float] = field(default_factory=dict)


NO_MORE = Known()


def observed(
    ledger: Ledger, state: State, instances: Iterable[Instance], at: float, more: Known = NO_MORE
) -> tuple[Transition, ...]:
    """Return the transitions that the ledger lacks, by a complete list of instances at the time `at`.

    It is the ledger of all replicas, and `state` their document.
    """
    listed = {
        one.mark.token: one
        for one in instances
        if one.mark is not None and replica_of(one.mark.deployment)[0] == ledger.deployment
    }
    # An older list than those of another run is compared with what was known at its time.
    machines = {token: tuple(t for t in own if t.at <= at) for token, own in ledger.machines().items()}
    found: list[Transition] = []
    for token, one in listed.items():
        found += _seen(token, machines.get(token, ()), state, (at, one), more)
    kept = frozenset[str]().union(*(one.tokens() for one in (state, *state.replicas)))
    for token, own in machines.items():
        if own and token not in listed and token not in kept:
            now = standing(own)
            if now.rented and not now.gone:
                found.append(_gone(now, token, state, at, more))
    return tuple(found)


def _seen(
    token: str, known: tuple[Transition, ...], state: State, look: tuple[float, Instance], more: Known
) -> Iterator[Transition]:
    at, one = look
    gpu, disk = _prices(one)
    if not known:
        known = tuple(_unknown(token, one, state, at))
        yield from known
    now = standing(known)
    first = now.since + AGAIN if now.gone else at  # one that is there again was never gone
    if now.gone or not _same(now.disk, disk):
        yield Transition(token, one.id, RENTED, first, disk=disk)
    if one.power in BILLED and not _same(now.gpu, gpu):
        yield Transition(token, one.id, RUNNING, first, gpu=gpu)
    elif one.stopped and now.gpu:
        yield _stopped(now, token, state, at, more)


def stopped_by_itself(ledger: Ledger, state: State, instances: Iterable[Instance], at: float) -> tuple[Instance, ...]:
    """Return the instances that are stopped, and of whose stop only their guards know the time."""
    found, machines = [], ledger.machines()
    for one in instances:
        known = machines.get(one.mark.token, ()) if one.mark is not None and one.stopped else ()
        if known and (now := standing(known)).gpu and _last(state, one.id, "stopped", now.since, at) is None:
            found.append(one)
    return tuple(found)


def _unknown(token: str, one: Instance, state: State, at: float) -> Iterator[Transition]:
    """Yield what is known of a machine that the ledger does not have, by its provider and the history."""
    (gpu, disk), began = _prices(one), min(one.started or at, at)
    yield Transition(token, one.id, RENTED, began, disk=disk)
    yield from _granted(token, one, began)
    if one.power in BILLED or one.halted:
        yield Transition(token, one.id, RUNNING, began, gpu=gpu)
    for event in _history(state):
        if event.instance == one.id and 0 < event.at <= at:
            if event.what == "started":
                yield Transition(token, one.id, RUNNING, event.at, gpu=gpu)
            elif event.what == "stopped":
                yield Transition(token, one.id, STOPPED, event.at)


def _granted(token: str, one: Instance, at: float) -> Iterator[Transition]:
    """Yield what its guard was given when it was created."""
    seconds = one.container.seconds(BUDGET)
    if seconds is not None and math.isfinite(one.dph):
        yield Transition(token, one.id, GRANTED, at, amount=seconds * one.dph / HOUR)


def _stopped(now: Standing, token: str, state: State, at: float, more: Known) -> Transition:
    event, ran = _last(state, now.instance, "stopped", now.since, at), more.ran.get(now.instance)
    exact = event.at if event is not None else min(at, now.since + ran) if ran is not None else 0.0
    return Transition(token, now.instance, STOPPED, exact or at, since=0.0 if exact else now.since)


def _gone(now: Standing, token: str, state: State, at: float, more: Known) -> Transition:
    event = _last(state, now.instance, "destroyed", now.since, at)
    exact = more.ended.get(now.instance, event.at if event is not None else 0.0)
    return Transition(token, now.instance, GONE, exact or at, since=0.0 if exact else now.since)


def _last(state: State, instance: str, what: str, after: float, until: float) -> Happened | None:
    """Return the last such event of an instance in that time."""
    found = [
        one for one in _history(state) if (one.instance, one.what) == (instance, what) and after <= one.at <= until
    ]
    return found[-1] if found else None


def _history(state: State) -> Iterator[Happened]:
    """Yield the events of all replicas."""
    for one in (state, *state.replicas):
        yield from one.history


def _prices(one: Instance) -> tuple[float, float]:
    """Return the prices of the GPU alone and of the disk in $/h; 0 if the provider does not report them."""
    disk = one.disk_dph if math.isfinite(one.disk_dph) else 0.0
    return (max(0.0, one.dph - disk) if math.isfinite(one.dph) else 0.0), disk


def _same(before: float, after: float) -> bool:
    return abs(before - after) <= SAME * max(before, after)

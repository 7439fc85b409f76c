"""History: the events between two states of a deployment, derived from their difference. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ert_deploy.core.model.log.happened import LONGEST, MOST_HISTORY, Happened
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed
from ert_deploy.core.model.state import InstanceRecord, State

Costs = Mapping[InstanceId, float]  # $ until now, at most


def remembered(state: State, events: Iterable[Happened]) -> State:
    """Return the state with these events; the oldest beyond `MOST_HISTORY` are forgotten."""
    new = tuple(events)
    return changed(state, history=(*state.history, *new)[-MOST_HISTORY:]) if new else state


def transitions(before: State, after: State, at: float, costs: Costs, server: str = "") -> Iterator[Happened]:
    """Yield what happened between two states at the time `at`, the instances first.

    `server` is the external one that the apps are given; empty if a rented machine serves them, or nothing does.
    """
    if before.records is not after.records or before.tombstones is not after.tombstones:
        yield from _instances(before, after, at, costs)
    if before.rollouts is not after.rollouts:
        yield from _rollouts(before, after, at, f", {server}" if server else "")
    if before.denied is after.denied:
        return
    known = {one.subject for one in before.denied}
    for denied in after.denied:
        if denied.subject not in known:
            yield Happened(at, "denied", why=f"{denied.subject}: {denied.reason}"[:LONGEST])


def _instances(before: State, after: State, at: float, costs: Costs) -> Iterator[Happened]:
    old, marked = {record.id: record for record in before.records}, {stone.id for stone in before.tombstones}
    asked = {intent.token for intent in before.intents}
    for record in after.records:
        known = old.get(record.id)
        if known is None:
            what = "rented" if record.token in asked else "found"
            yield Happened(at, what, record.id, f"machine {record.machine_id}" if record.machine_id else "")
        for what, why in _changes(
            known or InstanceRecord(record.token, record.id, record.machine_id, record.at), record
        ):
            yield Happened(at, what, record.id, why, costs.get(record.id, 0.0))
    for stone in after.tombstones:
        if stone.id not in marked:
            yield Happened(at, "destroying", stone.id, stone.reason[:LONGEST], costs.get(stone.id, 0.0))
    left = {record.id for record in after.records} | {stone.id for stone in after.tombstones}
    for gone in sorted((old.keys() | marked) - left):
        yield Happened(at, "destroyed" if gone in marked else "gone", gone, cost=costs.get(gone, 0.0))


def _changes(old: InstanceRecord, new: InstanceRecord) -> Iterator[tuple[str, str]]:
    if new.certificate and new.certificate != old.certificate:
        yield "ready", "its identity and health are proven"
    if new.published != old.published:
        yield ("published", "an app has its address") if new.published else ("withdrawn", "no app uses it")
    if new.woken and new.woken != old.woken:
        yield "started", ""
    if new.stranded and not old.stranded:
        yield "stranded", "it cannot be started again"
    if old.keys and new.keys and new.keys != old.keys:
        yield "keys", "it accepts " + ", ".join(digest[:8] for digest in new.keys)


def _rollouts(before: State, after: State, at: float, server: str) -> Iterator[Happened]:
    old = {rollout.service_id: rollout for rollout in before.rollouts}
    for rollout in after.rollouts:
        known = old.get(rollout.service_id)
        if known is None or known.deploy_id != rollout.deploy_id or known.fingerprint != rollout.fingerprint:
            why = f"{rollout.service_id}: fingerprint {rollout.fingerprint}{server}"
            yield Happened(at, "deployed", why=why[:LONGEST])
        if rollout.proven and not (known is not None and known.proven):
            yield Happened(at, "proven", why=f"{rollout.service_id}: the app runs with it{server}"[:LONGEST])

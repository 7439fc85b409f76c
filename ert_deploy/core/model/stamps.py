"""Stored times of a state that are used to calculate an age."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.state import InstanceRecord, Launched, State

MOST_DENIED = 30 * 86400.0  # maximum of `timings/deny` in seconds


def stamps(state: State) -> list[tuple[str, float]]:
    """Return each time with its key: a token, a service, or an empty string for the state itself."""
    found = [(intent.token, intent.at) for intent in state.intents]
    for record in state.records:
        found.append((record.token, record.at))
        if record.woken:
            found.append((record.token, record.woken))
        if record.stranded:
            found.append((record.token, record.stranded))
    for rollout in state.rollouts:
        found.append((rollout.service_id, rollout.at))
        if rollout.proven:
            found.append((rollout.service_id, rollout.proven))
    if state.begun:
        found.append(("", state.begun))
    return found


def timed(record: InstanceRecord, at: float, woken: float, stranded: float) -> InstanceRecord:
    """Return the record with other times. Called very often, where `replace` would be much slower."""
    return InstanceRecord(
        record.token, record.id, record.machine_id, at, record.certificate, record.published, woken, stranded,
        record.keys, record.asked, record.host_id, record.ip,
    )  # fmt: skip


def none_ahead(state: State, now: float | None) -> State:
    """Return the state without times later than the provider's clock `now`; unchanged if `now` is None.

    Such a time does not come from the provider: it is converted to an id, whose age starts when it is first read. The
    denial of a machine is removed if it lasts longer than any config allows.
    """
    if now is None:
        return state
    latest = now + MARGIN
    if max([at for _, at in stamps(state)] + _ends(state), default=0.0) > latest:
        state = _undated(state, latest)
    if state.denied and any(d.until > latest + MOST_DENIED for d in state.denied):
        state = replace(state, denied=tuple(d for d in state.denied if d.until <= latest + MOST_DENIED))
    return state


def _ends(state: State) -> list[float]:
    ended: tuple[Launched | Failure, ...] = (*state.launches, *state.failures)
    return [one.at for one in ended]


def _undated(state: State, latest: float) -> State:
    def name(at: float) -> float:
        return -at if at > latest else at

    return replace(
        state,
        intents=tuple(replace(i, at=name(i.at)) for i in state.intents),
        records=tuple(timed(r, name(r.at), name(r.woken), name(r.stranded)) for r in state.records),
        rollouts=tuple(replace(r, at=name(r.at), proven=name(r.proven)) for r in state.rollouts),
        begun=name(state.begun),
        launches=tuple(replace(one, at=name(one.at)) for one in state.launches),
        failures=tuple(replace(one, at=name(one.at)) for one in state.failures),
    )

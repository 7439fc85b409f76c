"""The times in a state whose age decides anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.state import Record, State

MOST_DENIED = 30 * 86400.0  # seconds that `timings/deny` may be at most


def stamps(state: State) -> Iterator[tuple[str, float]]:
    """Each of them with whose it is: a token, a service, or nothing for the state itself."""
    for intent in state.intents:
        yield intent.token, intent.at
    for record in state.records:
        yield record.token, record.at
        yield from ((record.token, at) for at in (record.woken, record.stranded) if at)
    for rollout in state.rollouts:
        yield rollout.service_id, rollout.at
        if rollout.proven:
            yield rollout.service_id, rollout.proven
    if state.begun:
        yield "", state.begun


def timed(record: Record, at: float, woken: float, stranded: float) -> Record:
    """The record with its times put another way. Spelt out: every look needs it, and `replace` takes much longer."""
    return Record(
        record.token, record.id, record.machine_id, at, record.certificate, record.published, woken, stranded,
        record.keys, record.asked,
    )  # fmt: skip


def none_ahead(state: State, now: float | None) -> State:
    """The state without times that nobody can have written yet, by the provider's clock; None: it has told no time.

    Such a time is no provider's: it becomes a name, whose age counts from when it is first seen. A machine that is
    denied for longer than any config says is not denied.
    """
    if now is None:
        return state
    latest = now + MARGIN
    if any(at > latest for _, at in stamps(state)):
        state = _undated(state, latest)
    if any(d.until > latest + MOST_DENIED for d in state.denied):
        state = replace(state, denied=tuple(d for d in state.denied if d.until <= latest + MOST_DENIED))
    return state


def _undated(state: State, latest: float) -> State:
    def name(at: float) -> float:
        return -at if at > latest else at

    return replace(
        state,
        intents=tuple(replace(i, at=name(i.at)) for i in state.intents),
        records=tuple(timed(r, name(r.at), name(r.woken), name(r.stranded)) for r in state.records),
        rollouts=tuple(replace(r, at=name(r.at), proven=name(r.proven)) for r in state.rollouts),
        begun=name(state.begun),
    )

"""The times in a state whose age decides anything."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model.state import Record, State


def stamps(state: State) -> Iterator[tuple[str, float]]:
    """Each of them with whose it is: a token, a service, or nothing for the state itself."""
    for intent in state.intents:
        yield intent.token, intent.at
    for record in state.records:
        yield from ((record.token, at) for at in (record.at, record.woken, record.stranded) if at)
    for rollout in state.rollouts:
        yield from ((rollout.service_id, at) for at in (rollout.at, rollout.proven) if at)
    if state.begun:
        yield "", state.begun


def timed(record: Record, at: float, woken: float, stranded: float) -> Record:
    """The record with its times put another way. Spelt out: every look needs it, and `replace` takes much longer."""
    return Record(
        record.token, record.id, record.machine_id, at, record.certificate, record.published, woken, stranded,
        record.keys, record.asked,
    )  # fmt: skip

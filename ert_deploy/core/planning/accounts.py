"""Whose account a state belongs to: what was rented with one is invisible with the key of another.

A list that is complete and empty says nothing about an instance of another account, so no state is read against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State


def bound(state: State, account: str, *, begins: bool) -> State | None:
    """The state as one of this account; None when it is of another. An empty one may begin anew elsewhere."""
    if state.account == account:
        return state
    if not state.account or (begins and state.empty()):
        return replace(state, account=account)
    return None


def evident(state: State, instances: Iterable[Instance]) -> bool:
    """Whether a listing is surely of the state's account: something that the state knows is in it."""
    tokens = state.tokens()
    return any(i.mark is not None and i.mark.token in tokens for i in instances)


def known_there(state: State) -> str:
    """What the state knows to exist, or to have been asked for, in the account it belongs to."""
    ids = sorted({r.id for r in state.records} | {t.id for t in state.tombstones})
    named = [f"instance {number}" for number in ids]
    calls = [f"{len(state.intents)} create call{'s' if len(state.intents) > 1 else ''}"] if state.intents else []
    return ", ".join(named + calls)

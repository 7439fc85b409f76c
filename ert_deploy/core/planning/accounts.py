"""Whose account a state belongs to: what was rented with one is invisible with the key of another.

A list that is complete and empty says nothing about an instance of another account, so no state is read against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State

BY_KEY = "key:"  # and a hash of the key: stands for the account of a key that may not read which one it is of


def by_key(account: str) -> bool:
    """Whether an account is known by a key of it only."""
    return account.startswith(BY_KEY)


def bound(
    state: State, account: str, instances: Iterable[Instance], same: Collection[str] = (), *, begins: bool
) -> State | None:
    """The state as one of this account; None when it is of another, or may be. An empty one may begin anew elsewhere.

    A key and a number, or two keys, are of one account only where the listing shows it, or where it has shown it before
    (`same`): what it was shown by may be gone by now. The number is then kept.
    """
    if state.account == account:
        return state
    if not state.account or (begins and state.empty()):
        return replace(state, account=account)
    unread = by_key(account) or by_key(state.account)
    if unread and (state.account in same or evident(state, instances)):
        return state if not by_key(state.account) else replace(state, account=account)
    return None


def evident(state: State, instances: Iterable[Instance]) -> bool:
    """Whether a listing is surely of the state's account: something that the state knows is in it."""
    tokens, ids = state.tokens(), {*_ids(state), *state.claims.adopted, *state.claims.ignored}
    return any(i.id in ids or (i.mark is not None and i.mark.token in tokens) for i in instances)


def _ids(state: State) -> set[InstanceId]:
    """Of what the state knows to exist; an id is never given out twice, also not to another account."""
    return {r.id for r in state.records} | {t.id for t in state.tombstones}


def known_there(state: State) -> str:
    """What the state knows to exist, or to have been asked for, in the account it belongs to."""
    named = [f"instance {number}" for number in sorted(_ids(state))]
    calls = [f"{len(state.intents)} create call{'s' if len(state.intents) > 1 else ''}"] if state.intents else []
    return ", ".join(named + calls)

"""Provider account of a state: instances rented in one account are invisible to all other API keys.

A complete and empty listing does not include the instances of another account, so no state is ever checked against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed
from ert_deploy.core.model.state import State

BY_KEY = "key:"  # prefix of a key's hash: names the account if the key may not read its id


def by_key(account: str) -> bool:
    """Whether an account is identified only by a key."""
    return account.startswith(BY_KEY)


def bound(
    state: State, account: str, instances: Iterable[Instance], same: Collection[str] = (), *, begins: bool
) -> State | None:
    """Return the state bound to this account; None if it is or may be of another one.

    With `begins`, an empty state may move to another account. A key and an id, or two keys, are of the same account
    only if the listing shows it, or showed it before (`same`): the instances that were the proof may be gone. The
    id is then stored.
    """
    if state.account == account:
        return state
    if not state.account or (begins and state.empty()):
        return changed(state, account=account)
    unread = by_key(account) or by_key(state.account)
    if unread and (state.account in same or evident(state, instances)):
        return state if not by_key(state.account) else changed(state, account=account)
    return None


def unbound(state: State) -> bool:
    """Whether no run has compared this state with an account: it does not tell which instances exist.

    One that only has the error of a first `up` is such a state, and counts as none.
    """
    return not state.account and state.empty()


def evident(state: State, instances: Iterable[Instance]) -> bool:
    """Whether a listing certainly is of the state's account: it has an instance of the state, of any replica."""
    parts = (state, *state.replicas)
    tokens = frozenset[str]().union(*(one.tokens() for one in parts))
    ids = {number for one in parts for number in (*_ids(one), *one.claims.adopted, *one.claims.ignored)}
    return any(i.id in ids or (i.mark is not None and i.mark.token in tokens) for i in instances)


def _ids(state: State) -> set[InstanceId]:
    """Return the ids of the instances in the state; ids are never reused, in any account."""
    return {r.id for r in state.records} | {t.id for t in state.tombstones}


def known_there(state: State) -> str:
    """Describe the instances and pending creates of the state."""
    named = [f"instance {number}" for number in sorted(_ids(state))]
    calls = [f"{len(state.intents)} create call{'s' if len(state.intents) > 1 else ''}"] if state.intents else []
    return ", ".join(named + calls)

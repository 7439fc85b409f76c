"""Account check: the account of the key, read once per run, has to be that of the state."""

from __future__ import annotations

from ert_deploy.core.model.errors import CannotObserve, NeedsAttention
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.accounts import bound, by_key, evident, known_there
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import GpuHost


def of_this_account(
    state: State, instances: tuple[Instance, ...], memory: RunMemory, *, begins: bool, leaving: bool = False
) -> Effects[State]:
    """Return the state bound to the key's account, and note the id of it. Raises NeedsAttention for another one.

    Raises CannotObserve if the account cannot be read; with `leaving` only if it is required, as a failure must not
    keep instances running.
    """
    account = memory.account
    if not account:
        try:
            account = (yield from ask(GpuHost.account)).id
        except CannotObserve:
            if leaving and (not state.account or evident(state, instances)):
                return state
            raise
    found = bound(state, account, instances, memory.same, begins=begins and not memory.tied)
    if found is None:
        raise _of_another(state, account, tied=memory.tied)
    memory.same |= {state.account, found.account} - {""}
    memory.account = found.account
    return found


def _of_another(state: State, account: str, *, tied: bool) -> NeedsAttention:
    known, unread = known_there(state), by_key(account) or by_key(state.account)
    said = f"the key is of account {account}, and {state.deployment} was rented with account {state.account}"
    if unread:
        said = f"the key may be of another account than the one that {state.deployment} was rented with"
    right = "the key that it was rented with" if by_key(state.account) else f"a key of account {state.account}"
    more = " that has the right user_read" if unread and not by_key(state.account) else ""
    anew = "; no instance is known to exist there, so `ert-deploy up` may start over with this key"
    return NeedsAttention(
        said,
        f"no change was made; these may exist and bill: {known}" if known else "no change was made",
        f"use {right}{more} and run the command again{anew if unread and not known and not tied else ''}",
    )

"""The account behind the key, read once a run and compared with the one that the state belongs to."""

from __future__ import annotations

from ert_deploy.core.model.errors import CannotObserve, NeedsAttention
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.accounts import bound, evident, known_there
from ert_deploy.engine import effects as e
from ert_deploy.engine.effects import Effects, perform


def of_this_account(
    state: State, instances: tuple[Instance, ...], account: str, *, begins: bool, leaving: bool = False
) -> Effects[tuple[State, str]]:
    """The state as one of the key's account, and that account. NeedsAttention when the state is of another one.

    `account` is "" until it was read. CannotObserve when it cannot be, but when `leaving` only where something hangs on
    it: on the way down nothing may stand between us and the bill.
    """
    if not account:
        try:
            account = (yield from perform(e.ReadAccount())).id
        except CannotObserve:
            if leaving and (not state.account or evident(state, instances)):
                return state, ""
            raise
    found = bound(state, account, begins=begins)
    if found is None:
        known = known_there(state)
        raise NeedsAttention(
            f"the key is of account {account}, and {state.deployment} was rented with account {state.account}",
            f"nothing was changed; there may exist, and bill: {known}" if known else "nothing was changed",
            f"set VAST_API_KEY to a key of account {state.account} and run the command again",
        )
    return found, account

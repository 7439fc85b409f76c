"""Parts of the one stored document: each replica reads and writes its own as if it was a state of its own.

The document counts all writes, and each further part its own; what is left are the writes of the first replica. A
part that is missing is that of a replica with nothing to remember: it was never rented, or was removed for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.quick_dataclass import changed
from ert_deploy.core.model.replica import replica_name, replica_of
from ert_deploy.core.model.state import InstanceRecord, Intent, State


def stored_part(document: State, replica: int) -> State | None:
    """Return the part as it is stored; None if there is none."""
    if replica == 1:
        own = document.generation - sum(part.generation for part in document.replicas)
        return changed(document, generation=max(0, own), replicas=()) if document.replicas else document
    name = replica_name(document.deployment, replica)
    return next((part for part in document.replicas if part.deployment == name), None)


def part_of(document: State, replica: int, *, blank: bool = False) -> State:
    """Return the state to hand to a replica."""
    found = stored_part(document, replica)
    return missing_part(document, replica, blank=blank) if found is None else of_account(found, document)


def missing_part(document: State, replica: int, *, blank: bool) -> State:
    """Return the state to hand to a replica without a stored part.

    `blank`: there was no document at the start of the run, so that each replica has to ask itself whether one was lost.
    """
    name = replica_name(document.deployment, replica)
    if blank or not document.generation:
        return State(name)
    return State(name, 1, account=account_of(document), begun=document.begun)


def account_of(document: State) -> str:
    """Return the account of a deployment: that of its first part with anything in it, or else that of the document."""
    return next((part.account for part in _filled(document)), document.account)


def of_account(part: State, document: State) -> State:
    """Return a part; one without anything is of the account of the others, whatever it was of before."""
    account = account_of(document) if document.replicas and part.empty() else ""
    return changed(part, account=account) if account and account != part.account else part


def is_tied(document: State, replica: int) -> bool:
    """Whether another replica has anything in the account of the document, so that this one cannot begin elsewhere."""
    own = replica_name(document.deployment, replica)
    return any(part.deployment != own for part in _filled(document))


def _filled(document: State) -> Iterator[State]:
    first = document if not document.replicas else changed(document, replicas=())
    return (part for part in (first, *document.replicas) if not part.empty())


def with_part(document: State, replica: int, state: State) -> State:
    """Return the document with what a replica saves."""
    if replica == 1:
        return changed(state, generation=document.generation, replicas=document.replicas)
    before = stored_part(document, replica)
    part = changed(state, generation=(before.generation if before is not None else 0) + 1)
    others = (one for one in document.replicas if one.deployment != part.deployment)
    return changed(document, replicas=tuple(sorted((*others, part), key=lambda one: replica_of(one.deployment))))


def is_clean(part: State) -> bool:
    """Whether a replica that is removed left nothing that a later run has to know."""
    return part.empty() and not part.begun


def without_part(document: State, replica: int) -> State:
    """Return the document without the part of a replica that is removed; what the user excluded stays excluded."""
    part = stored_part(document, replica)
    if part is None:
        return document
    if part.claims.ignored:
        return with_part(document, replica, _rest(part))
    left = tuple(one for one in document.replicas if one.deployment != part.deployment)
    return changed(document if left else without_places(document), replicas=left)


def without_places(state: State) -> State:
    """Return the state as that of a single replica, which need not be apart from another one."""
    rows: tuple[Intent | InstanceRecord, ...] = (*state.intents, *state.records)
    if not any(one.host_id or one.ip for one in rows):
        return state
    return changed(
        state,
        intents=tuple(replace(one, host_id="", ip="") for one in state.intents),
        records=tuple(changed(one, host_id="", ip="") for one in state.records),
    )


def traces(document: State) -> frozenset[int]:
    """Return the further replicas that a document has more of than what is left of a removed one."""
    found = (part for part in document.replicas if not part.claims.ignored or part != _rest(part))
    return frozenset(replica_of(part.deployment)[1] for part in found)


def _rest(part: State) -> State:
    return State(part.deployment, part.generation, account=part.account, claims=Claims(ignored=part.claims.ignored))

"""Update of a ledger after a run: everything that was seen, in the order in which it was seen."""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.ledger.folding import folded
from ert_deploy.core.ledger.model import TRAFFIC, Ledger, Transition
from ert_deploy.core.ledger.observing import Known, observed
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State

Looks = Iterable[tuple[float, tuple[Instance, ...]]]


def updated(ledger: Ledger, state: State, looks: Looks, more: Known, now: float) -> Ledger:
    """Return the ledger with these lists of instances and downloads, folded; the same object if nothing is new."""
    for at, instances in looks:
        ledger = ledger.adding(observed(ledger, state, instances, at, more))
    seen: dict[InstanceId, Transition] = {}
    for one in ledger.transitions:
        seen.setdefault(one.instance, one)
    loads = [
        Transition(first.token, number, TRAFFIC, first.at, amount=amount)
        for number, amount in more.traffic.items()
        if amount and (first := seen.get(number)) is not None
    ]
    return folded(ledger.adding(loads), now)

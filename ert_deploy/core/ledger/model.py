"""Ledger of a deployment: the transitions of its machines that change what they cost, and the provider's charges.

A set of transitions, not a list of amounts: adding one twice, or in another order, changes nothing. Times are Unix
seconds by the provider's clock, money is in $, days are days since 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed, quick_dataclass

RENTED, RUNNING, STOPPED, GONE = "rented", "running", "stopped", "gone"
TRAFFIC, GRANTED = "traffic", "granted"
ORDER = (RENTED, TRAFFIC, GRANTED, STOPPED, RUNNING, GONE)  # of those with the same time
GPU, DISK = "gpu", "disk"
KINDS = (GPU, DISK, TRAFFIC)
DAY = 86400.0
HOUR = 3600.0
CLOSED = 12  # characters of the token of a machine that was folded into months
MOST_CLOSED = 2000  # such tokens, about 30 kB


@quick_dataclass
class Transition:
    """One change of what a machine costs. `gpu` and `disk` are prices in $/h from then on.

    `amount` is the $ of a download, or the $ that its guard may spend from then on. `since` is the earliest time at
    which it may have happened, 0 if `at` is exact.
    """

    token: str
    instance: InstanceId
    what: str
    at: float
    gpu: float = 0.0
    disk: float = 0.0
    amount: float = 0.0
    since: float = 0.0

    @property
    def key(self) -> tuple[str, str, float]:
        """What makes it the same transition as another one."""
        return self.token, self.what, self.at


@quick_dataclass
class Charge:
    """What the provider has charged for one kind of cost of one machine on one day, by its statement of `asof`.

    `until` is the end of the last interval that this statement has of that machine.
    """

    instance: InstanceId
    kind: str
    day: int
    amount: float
    until: float
    asof: float

    @property
    def key(self) -> tuple[InstanceId, str, int]:
        """What a later statement replaces."""
        return self.instance, self.kind, self.day


@quick_dataclass
class Month:
    """Cost of the machines that were folded into one month, in $; `first` is its first day."""

    first: int
    gpu: float = 0.0
    disk: float = 0.0
    traffic: float = 0.0


@quick_dataclass
class Ledger:
    """The complete ledger. `generation` is the number of writes; `closed` begin the tokens of folded machines."""

    deployment: str
    generation: int = 0
    transitions: tuple[Transition, ...] = ()
    charges: tuple[Charge, ...] = ()
    months: tuple[Month, ...] = ()
    closed: tuple[str, ...] = ()

    def adding(self, new: Iterable[Transition]) -> Ledger:
        """Return the ledger with these transitions; the same object if it has them all."""
        known = {one.key: one for one in self.transitions}
        closed = frozenset(self.closed)
        for one in new:
            held = known.get(one.key)
            if one.token[:CLOSED] not in closed and (held is None or _surer(held) < _surer(one)):
                known[one.key] = one
        transitions = tuple(sorted(known.values(), key=_place))
        return self if transitions == self.transitions else changed(self, transitions=transitions)

    def charging(self, new: Iterable[Charge]) -> Ledger:
        """Return the ledger with these charges of its machines: of each, the newest statement holds."""
        ours = {one.instance for one in self.transitions}
        known = {one.key: one for one in self.charges}
        for one in new:
            held = known.get(one.key)
            if one.instance in ours and (held is None or _newness(held) < _newness(one)):
                known[one.key] = one
        charges = tuple(sorted(known.values(), key=lambda one: (one.day, one.instance, one.kind)))
        return self if charges == self.charges else changed(self, charges=charges)

    def machines(self) -> Mapping[str, tuple[Transition, ...]]:
        """Return the transitions of each machine by its token, in the order of their first ones."""
        found: dict[str, list[Transition]] = {}
        for one in self.transitions:
            found.setdefault(one.token, []).append(one)
        return {token: tuple(own) for token, own in found.items()}


def _place(one: Transition) -> tuple[float, str, int]:
    return one.at, one.token, ORDER.index(one.what)


def _surer(one: Transition) -> tuple[bool, float, float, float, float]:
    """Order of two that are the same: an exact time first, and else the one that costs more."""
    return not one.since, one.since, one.gpu, one.disk, one.amount


def _newness(one: Charge) -> tuple[float, float, float]:
    return one.asof, one.until, one.amount

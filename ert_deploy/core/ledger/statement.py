"""Statement of a provider: its items as they are read, and the charges by day that they amount to.

An item may be listed twice, and the same statement may be read again: neither is paid twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ert_deploy.core.ledger.model import DAY, Charge
from ert_deploy.core.model.provider import InstanceId


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a statement: the $ for a kind of cost of a machine from `begin` to `end`."""

    instance: InstanceId
    kind: str
    begin: float
    end: float
    amount: float


def charges(items: Iterable[Item], asof: float) -> tuple[Charge, ...]:
    """Return the charges of a statement of the time `asof`; one of several days is split by its time in each."""
    once: dict[tuple[InstanceId, str, float, float], float] = {}
    until: dict[InstanceId, float] = {}
    for one in items:
        key = one.instance, one.kind, one.begin, one.end
        once[key] = max(one.amount, once.get(key, one.amount))
        until[one.instance] = max(one.end, until.get(one.instance, one.end))
    sums: dict[tuple[InstanceId, str, int], float] = {}
    for (instance, kind, begin, end), amount in once.items():
        for day, part in _split(begin, end):
            sums[instance, kind, day] = sums.get((instance, kind, day), 0.0) + amount * part
    return tuple(Charge(*key, amount, until[key[0]], asof) for key, amount in sorted(sums.items()))


def _split(begin: float, end: float) -> Iterable[tuple[int, float]]:
    """Yield each day with its part of the time."""
    first, last = int(begin // DAY), int(end // DAY)
    if first == last or end <= begin:
        yield first, 1.0
        return
    for day in range(first, last + 1):
        yield day, (min(end, (day + 1) * DAY) - max(begin, day * DAY)) / (end - begin)

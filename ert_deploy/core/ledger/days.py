"""Cost by day: estimated from the paid intervals, replaced by the provider's charges up to the end of these.

A charge counts until the end of the statement that it is from; what came after is still estimated. Charges may be late,
rounded and repeated: a later statement of the same machine and day replaces the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ert_deploy.core.ledger.intervals import Interval, intervals
from ert_deploy.core.ledger.model import DAY, TRAFFIC, Ledger
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed, quick_dataclass

SLACK = 300.0  # s by which the end of a charge and that of its interval may differ: two looks at the machine
SETTLED = 2 * DAY  # s after which no further charge is expected: the statement follows by hours


@quick_dataclass
class Cost:
    """Cost of a period in $, by kind; `charged` is the part that the provider has charged already.

    `corrected` is what the charges are above the estimates that they replaced; `unsure` the part of the rest that may
    not have been used, as it is not known when a machine stopped.
    """

    gpu: float = 0.0
    disk: float = 0.0
    traffic: float = 0.0
    charged: float = 0.0
    corrected: float = 0.0
    unsure: float = 0.0

    @property
    def total(self) -> float:
        """The $ of all kinds."""
        return self.gpu + self.disk + self.traffic

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.gpu + other.gpu, self.disk + other.disk, self.traffic + other.traffic,
            self.charged + other.charged, self.corrected + other.corrected, self.unsure + other.unsure,
        )  # fmt: skip


NOTHING = Cost()


def days(ledger: Ledger, now: float) -> Mapping[int, Cost]:
    """Return the cost of each day until `now` on which something was paid."""
    found: dict[int, Cost] = {}
    reach = _reach(ledger)
    seen = {(one.instance, one.kind) for one in ledger.charges}
    for one in intervals(ledger):
        charged = (one.instance, one.kind) in seen
        known = reach.get(one.instance)
        for day, first, last in _pieces(one, now):
            start = first if known is None else _start(one, (first, last), known, charged=charged)
            rest = one.cost(start, last)
            unsure = 0.0 if one.end is None else one.cost(max(start, one.earliest), last) if one.rate else 0.0
            cost = changed(_cost(one.kind, rest), corrected=rest - one.cost(first, last), unsure=unsure)
            found[day] = found.get(day, NOTHING) + cost
    for charge in ledger.charges:
        cost = changed(_cost(charge.kind, charge.amount), charged=charge.amount, corrected=charge.amount)
        found[charge.day] = found.get(charge.day, NOTHING) + cost
    return dict(sorted(found.items()))


def _reach(ledger: Ledger) -> Mapping[InstanceId, tuple[float, float]]:
    """Return until when the charges of each machine go, and when its last statement was read."""
    reach: dict[InstanceId, tuple[float, float]] = {}
    for one in ledger.charges:
        until, asof = reach.get(one.instance, (0.0, 0.0))
        reach[one.instance] = max(one.until, until), max(one.asof, asof)
    return reach


def _pieces(one: Interval, now: float) -> Iterator[tuple[int, float, float]]:
    """Yield each day of an interval with its first and last second; traffic is of one moment."""
    end = min(now, now if one.end is None else one.end)
    day = int(one.begin // DAY)
    if one.kind == TRAFFIC:
        yield day, one.begin, one.begin + 1.0
        return
    while day * DAY < end:
        yield day, max(one.begin, day * DAY), min(end, (day + 1) * DAY)
        day += 1


def _start(one: Interval, piece: tuple[float, float], known: tuple[float, float], *, charged: bool) -> float:
    """Return from when on a piece of an interval is still estimated; its end if it is not at all."""
    (first, last), (until, asof) = piece, known
    if asof - last > SETTLED:
        return last
    if one.kind == TRAFFIC:
        return last if charged else first
    return last if one.end is not None and one.end - until <= SLACK else max(first, until)


def _cost(kind: str, amount: float) -> Cost:
    match kind:
        case "gpu":
            return Cost(gpu=amount)
        case "disk":
            return Cost(disk=amount)
        case _:
            return Cost(traffic=amount)

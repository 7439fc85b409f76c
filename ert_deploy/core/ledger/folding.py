"""Folding: machines that are gone for long become one row for each month, so that the ledger stays small."""

from __future__ import annotations

from ert_deploy.core.ledger.days import days
from ert_deploy.core.ledger.intervals import standing
from ert_deploy.core.ledger.model import CLOSED, DAY, MOST_CLOSED, Ledger, Month
from ert_deploy.core.ledger.months import first_day, month_of
from ert_deploy.core.model.quick_dataclass import changed

MOST = 4000  # transitions, or charges, about 600 kB; beyond it, machines that are gone are folded at any age


def folded(ledger: Ledger, now: float) -> Ledger:
    """Return the ledger in which no machine has been gone since before the last month; unchanged if none has."""
    start = first_day(month_of(int(now // DAY)) - 1) * DAY
    full = len(ledger.transitions) > MOST or len(ledger.charges) > MOST
    ends = {token: standing(own) for token, own in ledger.machines().items()}
    old = {token for token, one in ends.items() if one.gone and (full or one.since < start)}
    if not old:
        return ledger
    instances = {ends[token].instance for token in old}
    leaving = changed(
        ledger,
        transitions=tuple(one for one in ledger.transitions if one.token in old),
        charges=tuple(one for one in ledger.charges if one.instance in instances),
    )
    months = {one.first: one for one in ledger.months}
    for day, cost in days(leaving, now).items():
        first = first_day(month_of(day))
        before = months.get(first, Month(first))
        months[first] = Month(first, before.gpu + cost.gpu, before.disk + cost.disk, before.traffic + cost.traffic)
    return changed(
        ledger,
        transitions=tuple(one for one in ledger.transitions if one.token not in old),
        charges=tuple(one for one in ledger.charges if one.instance not in instances),
        months=tuple(sorted(months.values(), key=lambda one: one.first)),
        closed=(*ledger.closed, *sorted(token[:CLOSED] for token in old))[-MOST_CLOSED:],
    )

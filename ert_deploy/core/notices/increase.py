"""Price increases: offers of hosts to prolong a contract at a higher price, and the notices of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import per_hour, span
from ert_deploy.core.notices.notice import Findings, Kind, Notice

ASKED = "asked"


@dataclass(frozen=True, slots=True)
class PriceIncrease:
    """Offer of a host, named `id` by the provider: `before` and `after` are in $ per hour of the GPU.

    Nothing changes unless the renter accepts: otherwise the contract ends at `ends` (Unix time), as agreed.
    """

    id: str
    instance: InstanceId
    before: float
    after: float
    ends: float


def of_increases(found: Iterable[PriceIncrease], ours: Iterable[InstanceId], now: float) -> Findings:
    """Return one notice for each offer for one of these instances; those that are not listed any more are over."""
    mine = frozenset(ours)
    notices = (
        Notice(Kind.PRICE, _said(one, now), f"{ASKED}/{one.id}")
        for one in found
        if one.instance in mine and one.after > one.before
    )
    return Findings(tuple(notices), (f"{Kind.PRICE}/{ASKED}/",))


def _said(one: PriceIncrease, now: float) -> str:
    prices = f"{per_hour(one.after)} for the GPU in place of {per_hour(one.before)}"
    left = span(max(0.0, one.ends - now))
    return f"the host of instance {one.instance} offers to go on at {prices}; without that its contract ends in {left}"

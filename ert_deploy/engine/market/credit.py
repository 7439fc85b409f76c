"""Credit of the account before a machine is rented: enough for the planned hours of all replicas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.observed import Instance, Observed, Offer
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.core.planning.replicas.others import of_others
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.ports import Audience, GpuHost


def check_credit(ranked: Sequence[Ranked], desired: Desired, observed: Observed) -> Effects[None]:
    """Raise UsageError if the credit is less than the expected cost of the planned hours of all replicas.

    The first one that is `ranked` is about to be rented. Other replicas count with the price of their machines, and
    those without one with the next offers.
    """
    account = yield from ask(GpuHost.account)
    if account.credit == math.inf:
        yield from ask(Audience.tell, Trouble("the credit was not checked", "the key may not read it (user_read)"))
    there, numbers = _others(desired, observed)
    need = sum(_rate(one) for one in there) * desired.plan_hours
    need += sum(one.estimate.expected() for one in _apart(ranked, desired.replicas - len(numbers)))
    if account.credit < need:
        many = f" of {desired.replicas} machines" if desired.replicas > 1 else ""
        fewer = "plan/hours or replicas" if desired.replicas > 1 else "plan/hours"
        raise UsageError(
            f"the credit is ${account.credit:.2f}, {desired.plan_hours:g} h{many} are expected to cost ${need:.2f}",
            hint=f"{account.top_up}, or lower {fewer} in the config",
        )


def _others(desired: Desired, observed: Observed) -> tuple[list[Instance], frozenset[int]]:
    """Return the machines of the other replicas that the config has, and the numbers of these."""
    ignored = desired.ignored.union(observed.state.claims.ignored)
    wanted = frozenset(range(1, desired.replicas + 1))
    found = [(one, of & wanted) for one, of in of_others(desired, observed.instances) if one.id not in ignored]
    return [one for one, of in found if of], frozenset().union(*(of for _, of in found))


def _rate(instance: Instance) -> float:
    """Return what it bills in $ per hour, 0 if that is not known."""
    rate = instance.disk_dph if instance.stopped else instance.dph
    return rate if math.isfinite(rate) else 0.0


def _apart(ranked: Sequence[Ranked], count: int) -> Iterator[Ranked]:
    """Yield so many offers on different machines, hosts and addresses; the last one again where there are too few."""
    taken, last, left = set[tuple[str, str]](), ranked[0], count
    for one in ranked:
        if left and not taken & (places := _places(one.offer)):
            taken |= places
            last, left = one, left - 1
            yield one
    yield from (last for _ in range(left))


def _places(offer: Offer) -> set[tuple[str, str]]:
    places = ("machine", offer.machine_id), ("host", offer.host_id), ("address", offer.ip)
    return {(kind, place) for kind, place in places if place}

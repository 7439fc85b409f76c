"""Quote: price and availability of the chosen offer, read again right before it is rented."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.market.learned import learn
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.events import OfferLost, Trouble
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.planning.offers import Ranked, choose, in_order, with_cpu
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import Audience, GpuHost


def requote(ranked: Ranked, run: Run) -> Effects[Ranked | None]:
    """Return the offer as it is now if it costs what it did; None if not: it is ranked anew, or no longer considered.

    An offer that has gone or changed counts like one that was taken by another customer. Raises CannotObserve.
    """
    offer, memory = ranked.offer, run.memory
    desired = run.desired if memory.launch is None else replace(run.desired, launch=memory.launch)
    fresh = yield from ask(GpuHost.quote, offer, desired.launch)
    if fresh is None:
        _pass_over(offer, run)
        yield from ask(Audience.tell, OfferLost(offer))
        return None
    fresh = with_cpu(fresh, offer.cpu_arch)
    choice = choose([fresh], desired, learned=learn(run.observed.state.launches))
    if not choice.ranked:
        reasons = "; ".join(f"{r.filter}: {r.detail}" for _, why in choice.rejected for r in why)
        _pass_over(offer, run)
        yield from ask(Audience.tell, Trouble(f"offer {offer.id} no longer matches", reasons))
        return None
    if _terms(fresh, desired.launch) == _terms(offer, desired.launch):
        return choice.ranked[0]
    others = (one for one in memory.ranked if one.offer.id != offer.id)
    memory.ranked = in_order((*others, choice.ranked[0]), desired)
    memory.lost += 1
    hourly, before = desired.launch.hourly(fresh), desired.launch.hourly(offer)
    yield from ask(
        Audience.tell, Trouble(f"offer {offer.id} has changed", f"${hourly:.4f}/h instead of ${before:.4f}/h")
    )
    return None


def _pass_over(offer: Offer, run: Run) -> None:
    run.memory.tried.add(offer.id)
    run.memory.lost += 1


def _terms(offer: Offer, launch: Launch) -> tuple[str, float, float]:
    """Return what is agreed on with a create call: the offer, $/h, and the $ per GB of traffic."""
    return offer.id, launch.hourly(offer), offer.inet_down_cost

"""Interruptible machines: bids from the market, on demand in place of a bid, and replacement after a higher bid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Criteria, Desired, Launch, Market
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.events import Stranded
from ert_deploy.core.model.observed import Offer
from tests.support.fakes.history import WANTED, done, is_up, told, up
from tests.support.fakes.loopback import FakeWorld, offer, world

AUTO = replace(
    WANTED,
    launch=replace(WANTED.launch, market=Market.INTERRUPTIBLE, bid_margin=0.2, bid_cap=0.4),
    criteria=Criteria(max_dph=0.4),
)
EITHER = replace(AUTO, launch=replace(AUTO.launch, or_on_demand=True))


def market(bids: tuple[Offer, ...]) -> FakeWorld:
    """Return a market with these offers for bids, and others on demand."""
    made = world()
    on_demand = made.gpu.offers

    def search(criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        made.gpu.offers = bids if launch.market is Market.INTERRUPTIBLE else on_demand
        return made.gpu.offers

    made.gpu.search = search  # type: ignore[method-assign]
    return made


def ordered(made: FakeWorld) -> tuple[Market, float | None]:
    launch = made.gpu.only().order.launch
    return launch.market, launch.bid


def test_the_bid_is_that_of_the_market_with_the_margin() -> None:
    made = market((offer(1, dph_total=0.11, min_bid=0.1),))
    up(made, AUTO)
    is_up(made, AUTO)
    rented, bid = ordered(made)
    assert rented is Market.INTERRUPTIBLE
    assert bid == pytest.approx(0.12)
    assert made.gpu.only().order.env["ERT_GPU_PRICE_PER_HOUR"] == "0.13"


@pytest.mark.parametrize(("wanted", "rented"), [(AUTO, False), (EITHER, True)])
def test_on_demand_is_rented_in_place_of_a_bid_only_if_the_config_wants_it(wanted: Desired, rented: bool) -> None:
    made = market((offer(1, dph_total=0.51, min_bid=0.5),))
    if not rented:
        with pytest.raises(UsageError, match="no offer matches"):
            up(made, wanted)
        assert made.gpu.instances == {}
        return
    up(made, wanted)
    is_up(made, wanted)
    assert ordered(made) == (Market.ON_DEMAND, None)
    assert made.gpu.only().dph <= wanted.criteria.max_dph


def test_on_demand_is_not_rented_above_the_cap_either() -> None:
    made = market((offer(1, dph_total=0.51, min_bid=0.5),))
    with pytest.raises(UsageError, match="no offer matches"):
        up(made, replace(EITHER, criteria=Criteria(max_dph=0.15)))
    assert made.gpu.instances == {}


@pytest.mark.parametrize("again", [(offer(2, dph_total=0.11, min_bid=0.1),), (offer(2, dph_total=0.61, min_bid=0.6),)])
def test_what_was_outbid_is_replaced_by_another_bid_or_on_demand(again: tuple[Offer, ...]) -> None:
    made = market((offer(1, dph_total=0.11, min_bid=0.1), *again))
    up(made, EITHER)
    first = made.gpu.only()
    first.halted = first.taken = True
    first.override = lambda shown: replace(shown, bid=True)
    up(made, EITHER)
    is_up(made, EITHER)
    assert made.gpu.only().id != first.id
    assert [step.reason for step in done(made) if isinstance(step, steps.Wake)] == ["it is stopped, or was outbid"]
    assert len(told(made, Stranded)) == 1
    assert ordered(made)[0] is (Market.INTERRUPTIBLE if again[0].min_bid == 0.1 else Market.ON_DEMAND)


def test_the_next_search_for_bids_is_for_bids_again() -> None:
    made = market((offer(1, dph_total=0.51, min_bid=0.5),))
    up(made, EITHER)
    made.gpu.only().destroyed = made.clock.real()
    other = market((offer(3, dph_total=0.11, min_bid=0.1),))

    def search(criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        made.gpu.offers = other.gpu.search(criteria, launch)
        return made.gpu.offers

    made.gpu.search = search  # type: ignore[method-assign]
    up(made, EITHER)
    is_up(made, EITHER)
    rented, bid = ordered(made)
    assert rented is Market.INTERRUPTIBLE
    assert bid == pytest.approx(0.12)

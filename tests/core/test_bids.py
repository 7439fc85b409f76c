"""Bids: a fixed one, or one that follows the market with a margin, within a cap that counts the disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.boot.arming import refuse_without_bid
from ert_deploy.core.model.desired import Criteria, Market
from ert_deploy.core.model.errors import Failed
from ert_deploy.core.planning.offers import choose
from tests.support.fakes.market import offer
from tests.support.situations import UP

FIXED = replace(UP.launch, market=Market.INTERRUPTIBLE, bid=0.15)
AUTO = replace(FIXED, bid=None, bid_margin=0.2, bid_cap=0.3)
BIDS = {"dph_total": 0.11, "min_bid": 0.1}  # and a disk for $0.01/h


def test_on_demand_there_is_none_and_a_fixed_one_is_the_same_everywhere() -> None:
    assert UP.launch.bid_on(offer(1, **BIDS)) is None
    assert FIXED.bid_on(offer(1, **BIDS)) == 0.15
    assert FIXED.hourly(offer(1, **BIDS)) == pytest.approx(0.16)


@pytest.mark.parametrize(
    ("margin", "cap", "bid"),
    [
        (0.2, 0.3, 0.12),
        (0.0, 0.3, 0.1),
        (0.2345678, 0.3, 0.1234),
        (5.0, 0.3, 0.29),
        (0.2, 0.11, 0.1),
        (0.2, 0.115, 0.105),
    ],
)
def test_a_bid_follows_the_market_and_leaves_room_for_the_disk(margin: float, cap: float, bid: float) -> None:
    launch = replace(AUTO, bid_margin=margin, bid_cap=cap)
    assert launch.bid_on(offer(1, **BIDS)) == pytest.approx(bid)
    assert launch.hourly(offer(1, **BIDS)) == pytest.approx(bid + 0.01)
    assert launch.hourly(offer(1, **BIDS)) <= cap + 1e-9


@pytest.mark.parametrize("changes", [{"min_bid": None}, {"min_bid": float("nan")}, {"dph_total": float("nan")}])
def test_without_a_known_lowest_bid_there_is_no_offer(changes: dict[str, float | None]) -> None:
    shown = offer(1, **BIDS | changes)
    assert AUTO.bid_on(shown) is None
    assert choose((shown,), replace(UP, launch=AUTO)).ranked == ()


def test_an_offer_whose_lowest_bid_and_disk_exceed_the_cap_is_rejected_for_its_price() -> None:
    desired = replace(UP, launch=replace(AUTO, bid_cap=0.105), criteria=Criteria(0.105))
    choice = choose((offer(1, **BIDS),), desired)
    assert [reason.filter for reason in choice.rejected[0][1]] == ["offer/max_dph"]


def test_what_is_rented_has_the_bid_of_its_offer_and_the_same_spec() -> None:
    launch = AUTO.on(offer(1, **BIDS))
    assert launch.bid == pytest.approx(0.12)
    assert launch.bid_margin is None
    assert launch.spec() == AUTO.spec() == UP.launch.spec()


def test_a_request_without_its_bid_is_never_sent() -> None:
    refuse_without_bid(UP.launch)
    refuse_without_bid(FIXED)
    with pytest.raises(Failed, match="without a bid"):
        refuse_without_bid(AUTO)

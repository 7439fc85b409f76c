"""Price and availability of an offer are read again right before it is rented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.errors import CannotObserve, Failed
from ert_deploy.core.model.events import OfferLost, Rented, Trouble
from ert_deploy.core.model.observed import Offer
from ert_deploy.engine.effects import Method
from ert_deploy.engine.rent import MAX_LOST
from ert_deploy.ports import Audience, Entropy, GpuHost, StateStore, TimeSource
from tests.support.fakes.history import WANTED, is_up, start, told, up
from tests.support.fakes.loopback import FakeWorld, offer, world


def changing(made: FakeWorld, change: Callable[[], tuple[Offer, ...]]) -> None:
    """Change the market between the search and the first quote."""
    original, first = made.gpu.quote, [True]

    def quote(asked: Offer, launch: Launch) -> Offer | None:
        if first:
            first.clear()
            made.gpu.offers = change()
        return original(asked, launch)

    made.gpu.quote = quote  # type: ignore[method-assign, assignment]


def test_nothing_lies_between_the_quote_and_the_durable_intent() -> None:
    made = world()
    process, carried = start(made), list[Method | None]()
    while process.step():
        carried.append(process.last)
    quote, create = carried.index(GpuHost.quote), carried.index(GpuHost.create)
    assert carried[quote - 1] is GpuHost.await_turn
    between = [call for call in carried[quote:create] if call not in (Audience.tell, Entropy.token_bytes)]
    assert between == [GpuHost.quote, TimeSource.moment, StateStore.save, TimeSource.moment]


def test_an_offer_that_has_gone_since_the_search_costs_no_create_call() -> None:
    made = world()
    changing(made, lambda: made.gpu.offers[1:])
    up(made)
    is_up(made)
    assert [lost.offer.id for lost in told(made, OfferLost)] == ["1"]
    assert made.store.state.intents == ()
    assert made.gpu.only().machine_id == "1002"


def test_an_offer_that_became_dearer_is_ranked_anew() -> None:
    made = world()
    changing(made, lambda: (offer(1, dph_total=0.35), *made.gpu.offers[1:]))
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1002"
    (changed,) = told(made, Trouble)
    assert (changed.what, changed.why) == ("offer 1 has changed", "$0.3500/h instead of $0.2010/h")


def test_an_offer_that_is_still_the_best_at_its_new_price_is_rented_at_that_price() -> None:
    made = world()
    made.gpu.offers = (offer(1), offer(9))
    changing(made, lambda: (offer(1, dph_total=0.205), offer(9)))
    up(made)
    is_up(made)
    (rented,) = told(made, Rented)
    assert (rented.offer.id, rented.offer.dph_total) == ("1", 0.205)
    assert made.gpu.only().order.env["ERT_GPU_PRICE_PER_HOUR"] == "0.205"


def test_an_offer_that_no_longer_matches_is_passed_over_with_the_reason() -> None:
    made = world()
    changing(made, lambda: (offer(1, dph_total=0.9), *made.gpu.offers[1:]))
    up(made)
    is_up(made)
    (changed,) = told(made, Trouble)
    assert changed.what == "offer 1 no longer matches"
    assert changed.why.startswith("offer/max_dph: 0.9")


def test_traffic_that_became_dearer_is_a_change_too_and_a_shorter_contract_is_none() -> None:
    made = world()
    made.gpu.offers = (offer(1),)
    changing(made, lambda: (offer(1, inet_down_cost=0.02),))
    up(made)
    assert told(made, Trouble)[0].what == "offer 1 has changed"
    made = world()
    changing(made, lambda: tuple(replace(o, duration=o.duration - 1.0) for o in made.gpu.offers))
    up(made)
    assert told(made, Trouble) == []


def test_a_market_that_never_stands_still_ends_the_run_before_anything_is_rented() -> None:
    made = world()
    made.gpu.offers = (offer(1),)
    prices = iter(range(2, 1000))
    original = made.gpu.quote

    def quote(asked: Offer, launch: Launch) -> Offer | None:
        made.gpu.offers = (offer(1, dph_total=0.2 + next(prices) / 1000),)
        return original(asked, launch)

    made.gpu.quote = quote  # type: ignore[method-assign, assignment]
    with pytest.raises(Failed, match=f"{MAX_LOST} offers were taken"):
        up(made)
    assert made.gpu.instances == {}
    assert made.store.state.intents == ()


def test_without_a_quote_nothing_is_rented() -> None:
    made = world()
    made.gpu.faults.queued["quote"] = [CannotObserve("search_quota_exceeded")]
    with pytest.raises(CannotObserve, match="quota"):
        up(made, WANTED)
    assert made.gpu.instances == {}
    assert made.store.state.intents == ()

"""Search for offers by the Vast adapter: the units of its request, and present or missing fields of a response."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ert_deploy.core.model.desired import Criteria
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.providers.vast.search import MAX_OFFERS, PAGES
from ert_deploy.sandbox.httpd.server import Reply, Request
from tests.support.fakes.market import offer
from tests.support.vast.wire import LAUNCH, Wire


def test_a_search_is_sent_in_the_units_of_the_server(wire: Wire) -> None:
    wire.says("search", {"offers": []})
    wire.host.search(Criteria(max_dph=0.5, countries=("SE", "US"), gpu_names=("RTX 3090",)), LAUNCH)
    body = json.loads(wire.got[0].body)
    assert body["gpu_ram"] == {"gte": 22500}
    assert body["duration"] == {"gte": 259200.0}
    assert body["geolocation"] == {"in": ["SE", "US"]}
    assert body["cpu_arch"] == {"eq": "amd64"}
    assert (body["allocated_storage"], body["type"], body["order"]) == (40, "on-demand", [["dph_total", "asc"]])


@pytest.mark.parametrize(
    ("said", "asked", "unasked"), [("arm64", "arm64", "arm64"), ("amd64", "amd64", "amd64"), (None, "amd64", "")]
)
def test_a_row_that_does_not_say_its_cpu_is_believed_only_where_it_was_asked_for(
    wire: Wire, said: str | None, asked: str, unasked: str
) -> None:
    wire.says("search", {"offers": [{"id": 1, "machine_id": 2, "cpu_arch": said}]})
    for wide, expected in ((False, asked), (True, unasked)):
        (found,) = wire.host.search(Criteria(max_dph=0.5), LAUNCH, wide=wide)
        assert found.cpu_arch == expected


def test_an_offer_with_a_missing_price_is_kept_apart_by_the_filters(wire: Wire) -> None:
    wire.says("search", {"offers": [{"id": 1, "machine_id": 2, "gpu_name": "RTX 3090"}, {"id": "x"}]})
    (found,) = wire.host.search(Criteria(max_dph=0.5), LAUNCH)
    assert found.id == "1"
    assert found.dph_total != found.dph_total


@pytest.mark.parametrize("answer", [{}, {"offers": None}, {"offers": {}}, {"offers": [7]}, []])
def test_a_search_answer_that_is_not_one_raises(wire: Wire, answer: Any) -> None:
    wire.says("search", answer)
    with pytest.raises(CannotObserve):
        wire.host.search(Criteria(max_dph=0.5), LAUNCH)


def market(prices: list[float], *, honest: bool = True) -> Callable[[Request], Reply]:
    """Answer a search in the way of the server: at most 64 offers in the order of the price, from a price on."""

    def answer(request: Request) -> Reply:
        least = json.loads(request.body)["dph_total"].get("gte", 0.0) if honest else 0.0
        rows = [{"id": n, "machine_id": n, "dph_total": price} for n, price in enumerate(prices) if price >= least]
        return Reply.json({"offers": sorted(rows, key=lambda row: row["dph_total"])[:MAX_OFFERS]})

    return answer


@pytest.mark.parametrize(
    ("count", "calls"), [(0, 1), (63, 1), (64, 2), (65, 2), (126, 2), (127, 3), (200, 4), (300, PAGES)]
)
def test_more_than_64_offers_are_read_in_pages_by_price(wire: Wire, count: int, calls: int) -> None:
    wire.replies["search"] = market([0.1 + n / 1000 for n in range(count)])
    found = wire.host.search(Criteria(max_dph=0.5), LAUNCH)
    assert len(wire.got) == calls <= PAGES
    assert [one.id for one in found] == [str(n) for n in range(min(count, MAX_OFFERS + (PAGES - 1) * (MAX_OFFERS - 1)))]
    assert all(json.loads(request.body)["dph_total"]["lte"] == 0.5 for request in wire.got)


def test_offers_of_one_price_and_a_server_that_ignores_it_end_the_pages(wire: Wire) -> None:
    wire.replies["search"] = market([0.2] * 100)
    assert len(wire.host.search(Criteria(max_dph=0.5), LAUNCH)) == MAX_OFFERS
    assert len(wire.got) == 2
    wire.replies["search"] = market([0.1 + n / 1000 for n in range(100)], honest=False)
    assert len(wire.host.search(Criteria(max_dph=0.5), LAUNCH)) == MAX_OFFERS
    assert len(wire.got) == 4


def test_a_later_page_that_fails_leaves_the_offers_before_it(wire: Wire) -> None:
    first = market([0.1 + n / 1000 for n in range(100)])
    wire.replies["search"] = lambda x: first(x) if len(wire.got) == 1 else Reply.json({"error": "no"}, 400)
    assert len(wire.host.search(Criteria(max_dph=0.5), LAUNCH)) == MAX_OFFERS


def test_a_search_almost_without_filters_is_one_call(wire: Wire) -> None:
    wire.says("search", {"offers": [{"id": n, "machine_id": n, "dph_total": 0.1 + n} for n in range(MAX_OFFERS)]})
    assert len(wire.host.search(Criteria(max_dph=0.5), LAUNCH, wide=True)) == MAX_OFFERS
    assert len(wire.got) == 1


def test_the_calls_of_one_rental_are_within_the_quota_of_a_minute(wire: Wire) -> None:
    wire.replies["search"] = market([0.1 + n / 1000 for n in range(300)])
    wire.host.search(Criteria(max_dph=0.5), LAUNCH)
    wire.says("search", {"offers": [{"id": 1, "machine_id": 1, "dph_total": 0.2}]})
    wire.host.search(Criteria(max_dph=0.5), LAUNCH, wide=True)
    assert wire.host.quote(offer(1), LAUNCH) is not None
    assert len(wire.got) <= 6
    assert sum(wire.clock.sleeps) == 0


def test_a_quote_asks_for_the_one_offer_by_the_name_that_the_server_filters_by(wire: Wire) -> None:
    wire.says("search", {"offers": [{"ask_contract_id": 5, "id": 5, "machine_id": 2, "dph_total": 0.3, "host_id": 9}]})
    found = wire.host.quote(offer(5), LAUNCH)
    assert found is not None
    assert (found.id, found.dph_total, found.host_id) == ("5", 0.3, "9")
    body = json.loads(wire.got[0].body)
    assert body["ask_contract_id"] == {"eq": 5}
    assert "id" not in body
    assert body["allocated_storage"] == 40
    assert wire.host.quote(offer(6), LAUNCH) is None, "another offer is no answer"
    wire.says("search", {"offers": [{"id": 5, "machine_id": 2, "dph_total": 0.3, "rented": True}]})
    assert wire.host.quote(offer(5), LAUNCH) is None

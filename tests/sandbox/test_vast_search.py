"""Results of a search on the sandbox's Vast, including the pitfalls of the real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ert_deploy.sandbox.vast.filters import holds
from ert_deploy.sandbox.vast.market import make_market
from ert_deploy.sandbox.vast.offers import prices
from tests.support.vast.world import Renter, renting

NOW = 1_780_000_000.0


@pytest.fixture(scope="module")
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


def test_dph_total_is_the_gpu_plus_the_disk_by_the_month_of_720_hours() -> None:
    total, disk_hour = prices(1.0, 10, 0.14933333333333335)
    assert total == pytest.approx(1.0020740740740741)
    assert disk_hour == pytest.approx(0.002074074074074074)


def test_the_price_of_an_offer_depends_on_the_disk_that_is_asked_for(renter: Renter) -> None:
    [small] = renter.sdk.search_offers({"ask_contract_id": {"eq": renter.offers()[0]["id"]}}, storage=10)
    [large] = renter.sdk.search_offers({"ask_contract_id": {"eq": small["id"]}}, storage=100)
    assert large["dph_total"] - small["dph_total"] == pytest.approx(90 * small["storage_cost"] / 720)
    assert large["dph_base"] == small["dph_base"]


def test_numbers_sent_as_strings_by_a_string_query_compare_as_numbers(renter: Renter) -> None:
    found = renter.sdk.search_offers(
        "gpu_ram>=22 num_gpus=1 reliability>0.98 geolocation in [US,CA]", order="dph_total"
    )
    assert found
    assert all(o["num_gpus"] == 1 and o["reliability2"] > 0.98 and o["gpu_ram"] >= 22000 for o in found)
    assert {o["geolocation"][-2:] for o in found} <= {"US", "CA"}


def test_at_most_64_offers_come_whatever_limit_says(renter: Renter) -> None:
    everything = renter.sdk.search_offers({}, no_default=True, limit=1000)
    assert len(everything) == 64 < len(renter.double.asks())
    assert len(renter.sdk.search_offers({}, no_default=True, limit=3)) == 3


def test_a_filter_on_id_matches_nothing_and_ask_contract_id_does(renter: Renter) -> None:
    offer = renter.offers()[0]
    assert renter.sdk.search_offers({"id": {"eq": offer["id"]}}) == []
    assert [o["id"] for o in renter.sdk.search_offers({"ask_contract_id": {"eq": offer["id"]}})] == [offer["id"]]


def test_a_misspelt_filter_is_silently_ignored(renter: Renter) -> None:
    assert len(renter.offers(dph_totl={"lte": 0.0})) == len(renter.offers())


def test_a_deny_list_of_machines_is_honoured(renter: Renter) -> None:
    bad = [o["machine_id"] for o in renter.offers()[:3]]
    assert not {o["machine_id"] for o in renter.offers(machine_id={"notin": bad})} & set(bad)


def test_order_is_followed_and_the_default_is_the_best_score_first(renter: Renter) -> None:
    by_price = [o["dph_total"] for o in renter.offers()]
    assert by_price == sorted(by_price)
    scores = [o["score"] for o in renter.sdk.search_offers({})]
    assert scores == sorted(scores, reverse=True)


def test_an_interruptible_offer_shares_its_id_and_costs_its_least_bid(renter: Renter) -> None:
    offer = renter.offers()[0]
    [bid] = renter.sdk.search_offers({"ask_contract_id": {"eq": offer["id"]}}, type="bid")
    assert (bid["id"], bid["is_bid"], bid["dph_base"]) == (offer["id"], True, offer["min_bid"])


def test_the_newer_search_route_answers_the_same(renter: Renter) -> None:
    body = {"select_cols": ["*"], "q": {"ask_contract_id": {"eq": renter.offers()[0]["id"]}, "type": "on-demand"}}
    assert len(renter.put("/search/asks/", body).json()["offers"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"gpu_ram": {"atleast": 1}},
        {"gpu_ram": 24000},
        {"gpu_name": {"in": "RTX 3090"}},
        {"type": "free"},
        {"order": 3},
        {"allocated_storage": "much"},
        {"q": []},
    ],
)
def test_a_query_without_sense_is_400_invalid_request(renter: Renter, body: dict[str, Any]) -> None:
    answer = renter.put("/search/asks/", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("value", "name", "operand", "expected"),
    [
        (24564, "gte", "24564.0", True),
        (24564, "gt", 24564, False),
        (24564, "lt", "many", False),
        ("RTX 4090", "in", ["RTX 3090", "RTX 4090"], True),
        ("RTX 4090", "notin", ["RTX 4090"], False),
        (True, "eq", "true", True),
        (True, "neq", False, True),
        (None, "gte", 0, False),
        (None, "eq", None, True),
        (None, "neq", "x", True),
        (7, "in", ["7"], True),
    ],
)
def test_one_comparison(value: Any, name: str, operand: Any, expected: bool) -> None:
    assert holds(value, name, operand) is expected


def test_the_same_seed_is_the_same_market_and_another_is_not() -> None:
    assert make_market(5, NOW) == make_market(5, NOW)
    assert make_market(5, NOW) != make_market(6, NOW)


@pytest.mark.parametrize("seed", range(1, 8))
def test_the_cheapest_sensible_offers_work_and_some_others_do_not(seed: int) -> None:
    market = make_market(seed, NOW)
    sensible = sorted((a for a in market if a.sensible(NOW)), key=lambda a: a.dph_base * 2 + a.inet_down_cost * 18)
    assert len(sensible) >= 12
    assert not any(a.flaw for a in sensible[:12])
    assert len({a.id for a in market}) == len({a.machine_id for a in market}) == len(market)


def test_the_market_offers_every_reason_to_look_closely() -> None:
    market = make_market(1, NOW)
    day = 86400
    assert {a.card.ram_mb for a in market} >= {23034, 23028, 24564, 24576}
    reasons = {
        "unverified": [a for a in market if not a.verified],
        "rented": [a for a in market if a.rented],
        "ports": [a for a in market if a.ports < 4],
        "cuda": [a for a in market if a.cuda < 12.4],
        "duration": [a for a in market if a.end_date < NOW + 3 * day],
        "traffic": [a for a in market if a.inet_down_cost > 0.02],
        "slow": [a for a in market if a.inet_down < 500],
        "unreliable": [a for a in market if a.reliability < 0.98],
    }
    assert [name for name, asks in reasons.items() if not asks] == []
    assert any(a.flaw for seed in range(1, 8) for a in make_market(seed, NOW))
    assert not any(a.flaw for a in make_market(1, NOW, bad_hosts=False))

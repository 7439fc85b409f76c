"""Renting on the sandbox's Vast: the response on success, and each error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.vast.world import ENV, Renter, renting, until


@pytest.fixture
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


def refused(renter: Renter, status: int, error: str, offer: int | None = None, **changes: Any) -> dict[str, Any]:
    answer = renter.create(renter.offers()[0]["id"] if offer is None else offer, **changes)
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["success"], body["error"]) == (status, False, error)
    return body


def test_the_sdk_rents_an_offer_which_then_is_gone_from_the_market(renter: Renter) -> None:
    offer = renter.offers()[0]
    made = renter.sdk.create_instance(
        offer["id"], image="ghcr.io/x/llm:1", disk=40, env=ENV, label="ert1:x:y", runtype="args", cancel_unavail=True
    )
    assert made["success"] is True
    assert isinstance(made["new_contract"], int)
    assert len(made["instance_api_key"]) == 64
    assert offer["id"] not in [o["id"] for o in renter.offers()]
    row = renter.row(made["new_contract"])
    assert (row["label"], row["machine_id"], row["image_runtype"]) == ("ert1:x:y", offer["machine_id"], "args")
    assert row["dph_total"] == pytest.approx(offer["dph_total"])


def test_an_offer_is_back_after_its_instance_was_destroyed(renter: Renter) -> None:
    offer = renter.offers()[0]["id"]
    renter.sdk.destroy_instance(renter.rent(offer))
    assert renter.offers()[0]["id"] == offer


def test_an_offer_that_somebody_else_has_taken_is_410_and_gives_nothing(renter: Renter) -> None:
    offer = renter.offers()[0]["id"]
    renter.double.trouble({"kind": "gpu_taken", "offer_id": offer})
    body = refused(renter, 410, "no_such_ask", offer)
    assert "no_such_ask" in body["msg"]
    assert body["ask_id"] == offer
    assert renter.double.instances() == []


def test_an_offer_can_be_rented_twice_and_the_second_instance_dies_of_the_ports_of_the_first(renter: Renter) -> None:
    offer = renter.offers()[0]["id"]
    first, second = renter.rent(offer), renter.rent(offer)
    renter.until(first, "running")
    until(lambda: "port is already allocated" in (renter.row(second)["status_msg"] or ""))
    row = renter.row(second)
    assert (row["actual_status"], row["intended_status"]) == ("created", "running")
    assert row["machine_id"] == renter.row(first)["machine_id"]
    assert renter.status(first) == "running"


def test_without_cancel_unavail_the_second_renter_gets_a_stopped_instance_that_bills_its_disk(renter: Renter) -> None:
    offer = renter.offers()[0]["id"]
    renter.double.trouble({"kind": "gpu_taken", "offer_id": offer})
    second = renter.rent(offer, cancel_unavail=False)
    row = renter.row(second)
    assert (row["actual_status"], row["intended_status"], row["cur_state"]) == ("created", "stopped", "stopped")
    assert second in renter.double.bill().running


def test_an_unknown_offer_is_404_with_no_such_ask_in_the_text(renter: Renter) -> None:
    assert "no_such_ask" in refused(renter, 404, "invalid_args", 7)["msg"]


@pytest.mark.parametrize("status", [200, 400, 404, 410])
def test_an_offer_can_be_gone_at_any_status(renter: Renter, status: int) -> None:
    renter.double.trouble({"kind": "no_such_ask", "status": status})
    answer = renter.create(renter.offers()[0]["id"])
    assert answer.status_code == status
    assert "no_such_ask" in answer.text
    assert renter.double.instances() == []
    assert renter.rent()


@pytest.mark.parametrize(
    "changes",
    [
        {"env": "-e A=b"},
        {"env": {"A": "x" * 40_000}},
        {"image": None},
        {"image": "i" * 1025},
        {"label": "l" * 257},
        {"args": "serve"},
        {"args": ["a" * 4097]},
        {"onstart": "o" * 4097},
        {"disk": 4},
        {"disk": 1e6},
        {"disk": "much"},
    ],
)
def test_a_bad_body_is_400_invalid_args(renter: Renter, changes: dict[str, Any]) -> None:
    refused(renter, 400, "invalid_args", **changes)
    assert renter.double.instances() == []


@pytest.mark.parametrize("price", [0.0001, 129, "cheap"])
def test_a_bid_out_of_range_is_400_invalid_price(renter: Renter, price: Any) -> None:
    assert "new_contract" not in refused(renter, 400, "invalid_price", price=price)


def test_a_bid_below_the_minimum_is_an_error_and_leaves_a_stopped_instance(renter: Renter) -> None:
    body = refused(renter, 400, "invalid_price", price=0.002)
    row = renter.row(body["new_contract"])
    assert (row["intended_status"], row["cur_state"], row["is_bid"]) == ("stopped", "stopped", True)


def test_a_create_can_fail_and_leave_something(renter: Renter) -> None:
    renter.double.trouble({"kind": "create_error_with_contract", "status": 500})
    assert renter.row(refused(renter, 500, "invalid_price")["new_contract"])["cur_state"] == "stopped"


def test_without_credit_nothing_can_be_rented(renter: Renter) -> None:
    renter.double.trouble({"kind": "credit", "value": 0})
    refused(renter, 400, "insufficient_credit")


def test_a_new_account_can_hit_its_spend_rate_limit(renter: Renter) -> None:
    renter.double.trouble({"kind": "spend_rate_limit"})
    refused(renter, 400, "spend_rate_limit")


def test_an_instance_can_be_created_stopped_although_all_looked_well(renter: Renter) -> None:
    renter.double.trouble({"kind": "created_stopped"})
    assert renter.row(renter.rent())["cur_state"] == "stopped"


def test_one_create_can_make_two_instances(renter: Renter) -> None:
    renter.double.trouble({"kind": "duplicate_create"})
    id = renter.rent(label="twice")
    rows = renter.sdk.show_instances()
    assert len(rows) == 2
    assert {row["label"] for row in rows} == {"twice"}
    assert id in {row["id"] for row in rows}


def test_a_body_that_is_no_object_is_400(renter: Renter) -> None:
    assert renter.put(f"/asks/{renter.offers()[0]['id']}/", ["x"]).json()["error"] == "invalid_request"
    assert renter.put("/asks/first/", {}).json()["error"] == "invalid_args"

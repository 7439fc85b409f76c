"""Delayed, lost, rejected or false responses, and whether the request was executed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from ert_deploy.sandbox.httpd.faults import Fault
from tests.support.vast.world import Renter, renting, until


@pytest.fixture
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


@pytest.mark.parametrize("form", ["detail", "text", "error", "quota"])
def test_a_429_can_have_any_of_its_four_bodies(renter: Renter, form: str) -> None:
    renter.double.trouble({"kind": "rate_limit", "operation": "user", "form": form, "retry_after": 2})
    answer = renter.get("/v0/users/current")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert "too frequent" in answer.text or "quota" in answer.text
    assert renter.get("/v0/users/current").status_code == 200


def test_html_where_json_was_promised(renter: Renter) -> None:
    renter.double.trouble({"kind": "html", "operation": "list", "status": 200})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        renter.sdk.show_instances()
    assert renter.sdk.show_instances() == []


def test_a_reset_after_the_effect_leaves_an_instance_and_one_before_it_none(renter: Renter) -> None:
    offer = renter.offers()[0]["id"]
    renter.double.faults.add(Fault("create", "before", reset=True))
    with pytest.raises(requests.ConnectionError):
        renter.create(offer)
    assert renter.double.instances() == []
    renter.double.trouble({"kind": "lost_create"})
    with pytest.raises(requests.ConnectionError):
        renter.create(offer, label="lost")
    [row] = renter.sdk.show_instances()
    assert row["label"] == "lost"


def test_a_create_can_take_effect_long_after_its_answer_was_lost(renter: Renter) -> None:
    renter.double.trouble({"kind": "late_create", "seconds": 100, "status": 502})
    assert renter.create(renter.offers()[0]["id"]).status_code == 502
    assert renter.sdk.show_instances() == []
    until(lambda: len(renter.sdk.show_instances()) == 1)


def test_a_create_delivered_twice_rents_twice(renter: Renter) -> None:
    renter.double.faults.add(Fault("create", "after", twice=True))
    assert renter.create(renter.offers()[0]["id"]).status_code == 200
    assert len(renter.double.instances()) == 2


def test_the_sdk_with_its_default_retries_hides_a_lost_create(renter: Renter) -> None:
    """Why a create must be sent once only: a retry rents a second instance."""
    offer = renter.offers()[0]["id"]
    renter.double.trouble({"kind": "lost_create", "status": 503})
    renter.sdk.client.retry = 3
    renter.sdk.create_instance(offer, image="x", disk=40, cancel_unavail=True)
    assert len(renter.double.instances()) == 2


def test_a_new_instance_can_be_missing_from_the_list_and_a_destroyed_one_still_in_it(renter: Renter) -> None:
    renter.double.trouble({"kind": "list_lag", "seconds": 200})
    id = renter.rent()
    assert renter.sdk.show_instances() == []
    assert renter.row(id)["id"] == id
    until(lambda: [row["id"] for row in renter.sdk.show_instances()] == [id])
    renter.double.trouble({"kind": "ghost", "seconds": 200})
    renter.sdk.destroy_instance(id)
    assert [row["id"] for row in renter.sdk.show_instances()] == [id]
    until(lambda: renter.sdk.show_instances() == [])


def test_the_newest_rows_can_be_left_out_and_hidden_from_show(renter: Renter) -> None:
    old, new = renter.rent(), renter.rent()
    renter.double.trouble({"kind": "list_partial"})
    assert [row["id"] for row in renter.sdk.show_instances()] == [old]
    renter.double.trouble({"kind": "list_lag", "seconds": 1e6, "show": True, "instance_id": new})
    assert renter.sdk.show_instance(new) is None


def test_a_row_can_lack_what_the_sdk_needs(renter: Renter) -> None:
    id = renter.rent()
    renter.double.trouble({"kind": "row", "omit": ["start_date"], "set": {"extra_env": None, "gpu_ram": 8000}})
    with pytest.raises((KeyError, TypeError)):
        renter.sdk.show_instance(id)
    assert renter.row(id)["gpu_ram"] == 8000


def test_an_unknown_path_is_404_without_a_key(renter: Renter) -> None:
    assert renter.get("/v0/nothing/", key=None).status_code == 404

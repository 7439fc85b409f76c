"""Keys, the instance list, managing and logs: the wire format of the sandbox's Vast."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.vast.world import KEY, Renter, renting, until


@pytest.fixture
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


@pytest.fixture(scope="module")
def many() -> Iterator[Renter]:
    """Yield an account with 30 instances that remain in provisioning."""
    with renting() as up:
        up.double.trouble({"kind": "never_starts"})
        for number, offer in enumerate(up.sdk.search_offers({"num_gpus": {"eq": 1}}, limit=64)[:30]):
            up.rent(offer["id"], label=None if number % 3 else f"ert1:x:{number}")
        yield up


def listed(renter: Renter, **params: Any) -> dict[str, Any]:
    quoted = {name: one if isinstance(one, str) else json.dumps(one) for name, one in params.items()}
    page: dict[str, Any] = renter.get("/v1/instances/", **quoted).json()
    return page


def test_no_key_is_403_and_an_unknown_key_is_404(renter: Renter) -> None:
    none, wrong = renter.get("/v1/instances/", key=None), renter.get("/v1/instances/", key="wrong")
    assert (none.status_code, none.json()["msg"]) == (403, "This action requires login.")
    assert (wrong.status_code, wrong.json()["error"], wrong.json()["msg"]) == (404, "auth_error", "Invalid user key")
    assert renter.get("/v1/instances/", key=None, api_key=KEY).status_code == 200


def test_a_containers_key_shows_stops_and_destroys_its_own_instance_and_no_more(renter: Renter) -> None:
    renter.double.trouble({"kind": "never_starts"})
    made = renter.create(renter.offers()[0]["id"]).json()
    id, key = made["new_contract"], made["instance_api_key"]
    other = renter.rent()
    outside = renter.get(f"/v0/instances/{id}/", key=key)
    renter.double.calm()
    assert (outside.status_code, outside.json()["msg"]) == (401, "Unable to authorize instance API key")
    renter.until(id, "running")
    assert renter.get(f"/v0/instances/{id}/", key=key).json()["instances"]["id"] == id
    assert renter.get(f"/v0/instances/{other}/", key=key).status_code == 403
    assert renter.get("/v1/instances/", key=key).status_code == 403
    assert renter.put(f"/instances/{id}/", {"state": "running"}, key=key).status_code == 403
    assert renter.put(f"/instances/{id}/", {"state": "stopped"}, key=key).json() == {"success": True}
    assert renter.row(id)["intended_status"] == "stopped"


def test_the_list_comes_in_pages_of_25_which_the_sdk_follows(many: Renter) -> None:
    page = listed(many)
    assert (len(page["instances"]), page["instances_found"], page["total_instances"]) == (25, 30, 30)
    rest = listed(many, after_token=page["next_token"])
    assert (len(rest["instances"]), rest["next_token"]) == (5, None)
    rows = many.sdk.show_instances()
    assert len({row["id"] for row in rows}) == 30
    assert rows[0]["public_ipaddr"] == ""
    assert rows[0]["extra_env"]["GREETING"] == "hello"


def test_tokens_hold_the_last_sort_keys_and_work_in_every_order(many: Renter) -> None:
    order = [{"col": "label", "dir": "desc"}]
    page = listed(many, order_by=order)
    assert set(json.loads(base64.b64decode(page["next_token"]))["values"]) == {"label", "id"}
    rest = listed(many, order_by=order, after_token=page["next_token"])
    labels = [row["label"] for row in page["instances"] + rest["instances"]]
    assert labels == sorted([one for one in labels if one], reverse=True) + [None] * 20
    assert page["label_counts"][""] == 20


def test_filters_are_exact_and_there_is_no_prefix_match(many: Renter) -> None:
    assert listed(many, select_filters={"label": {"eq": "ert1:x:3"}})["instances_found"] == 1
    assert listed(many, select_filters={"label": {"eq": "ert1:x:"}})["instances_found"] == 0
    assert listed(many, select_filters={"actual_status": {"eq": None}})["instances_found"] == 30


def test_columns_can_be_chosen_and_unknown_ones_are_null(many: Renter) -> None:
    assert set(listed(many, select_cols=["id", "nonsense"])["instances"][0]) == {"id", "nonsense"}
    assert listed(many, select_cols=["nonsense"])["instances"][0] == {"nonsense": None}


@pytest.mark.parametrize(("limit", "rows"), [(0, 5), (-1, 5), (7, 7), (100, 25)])
def test_odd_limits(many: Renter, limit: int, rows: int) -> None:
    assert len(listed(many, limit=limit)["instances"]) == rows


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"select_filters": {"dph_total": {"lte": 1}}}, "invalid_request"),
        ({"select_filters": {"label": {"like": "x"}}}, "invalid_request"),
        ({"select_filters": "{"}, "invalid_request"),
        ({"select_filters": []}, "invalid_request"),
        ({"order_by": [{"col": "dph_total"}]}, "invalid_request"),
        ({"order_by": ["id"]}, "invalid_request"),
        ({"limit": '"x"'}, "invalid_request"),
        ({"select_cols": 3}, "invalid_request"),
        ({"after_token": "nonsense"}, "invalid_token"),
        ({"after_token": base64.b64encode(b'{"values": {}}').decode()}, "invalid_token"),
    ],
)
def test_a_bad_list_query_is_400(many: Renter, params: dict[str, Any], error: str) -> None:
    page = listed(many, **params)
    assert (page["success"], page["error"]) == (False, error)


def test_the_old_list_is_gone(many: Renter) -> None:
    answer = many.get("/v0/instances/")
    assert (answer.status_code, answer.json()["error"]) == (410, "deprecated_endpoint")


def test_an_instance_that_never_was_is_null_or_404(renter: Renter) -> None:
    assert renter.get("/v0/instances/7/").json() == {"instances": None}
    assert renter.get("/v0/instances/seven/").status_code == 400
    with renting(gone_shape="404") as other:
        assert other.get("/v0/instances/7/").json()["error"] == "no_such_instance"


def test_labels_can_be_changed_up_to_a_length(renter: Renter) -> None:
    id = renter.rent()
    assert renter.sdk.label_instance(id, "new") == {"success": True}
    assert renter.row(id)["label"] == "new"
    assert renter.put(f"/instances/{id}/", {"label": "x" * 1025}).json()["error"] == "label_too_long"
    assert renter.put(f"/instances/{id}/", {"state": "asleep"}).json()["error"] == "invalid_args"
    assert renter.put(f"/instances/{id}/", {}).json()["error"] == "invalid_args"
    assert renter.put("/instances/7/", {"label": "x"}).json()["error"] == "not_found"


def test_logs_come_later_and_without_a_key(renter: Renter) -> None:
    id = renter.running()
    until(lambda: "GREETING" in renter.sdk.logs(id))
    assert renter.sdk.logs(id, filter="no such line") == ""
    assert "running" in renter.sdk.logs(id, daemon_logs=True)
    url = renter.put(f"/instances/request_logs/{id}/", {}).json()["result_url"]
    assert requests.get(url.replace("/instance_logs/", "/instance_logs/0"), timeout=5).status_code == 404
    assert renter.put("/instances/request_logs/7/", {}).json()["error"] == "invalid_id"


def test_a_result_is_not_there_at_once() -> None:
    with renting(speed=1.0) as renter:
        url = renter.put(f"/instances/request_logs/{renter.rent()}/", {}).json()["result_url"]
        assert requests.get(url, timeout=5).status_code == 404


def test_a_few_commands_can_be_executed_on_the_instances_disk(renter: Renter) -> None:
    id = renter.running(env={})
    assert renter.sdk.execute(id, "ls -l /").strip() == ""
    assert "No such file" in renter.sdk.execute(id, "ls ../../..")
    assert renter.put(f"/instances/command/{id}/", {"command": "cat /etc/passwd"}).json()["error"] == "invalid_args"

"""The Vast adapter reads instances: parsing of a response, and which response means that one is absent."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from ert_deploy.core.model.errors import CannotObserve, ErtError, UsageError
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.sandbox.httpd.faults import Fault
from ert_deploy.sandbox.httpd.server import Reply
from tests.support.ids import nth
from tests.support.vast.wire import TOKEN, Wire, page, row


def test_an_instance_is_read_with_both_marks_and_its_address(wire: Wire) -> None:
    wire.says("list", page(row()))
    (found,) = wire.host.list_instances()
    assert found.mark == Mark("ert", TOKEN)
    assert found.address == Address("203.0.113.9", 40123)
    assert (found.status, found.dph, found.boot_secret) == ("running", 0.21, Secret("s"))


@pytest.mark.parametrize(
    "changes",
    [
        {"extra_env": None},
        {"extra_env": [["ERT_DEPLOYMENT", "ert"]]},
        {"extra_env": [["ERT_DEPLOYMENT", "other"], ["ERT_TOKEN", TOKEN]]},
        {"label": None},
        {"label": f"ert1:ert:{TOKEN} "},
        {"label": f"my-ert1:ert:{TOKEN}"},
    ],
)
def test_one_mark_alone_is_not_ours(wire: Wire, changes: dict[str, Any]) -> None:
    wire.says("list", page(row(**changes)))
    (found,) = wire.host.list_instances()
    assert found.mark is None


def test_a_row_full_of_nulls_blinds_nobody(wire: Wire) -> None:
    bare = {"id": 8, "start_date": None, "extra_env": None, "ports": None, "public_ipaddr": None, "actual_status": None}
    wire.says("list", page(bare, row()))
    nothing, ours = wire.host.list_instances()
    assert (nothing.id, nothing.status, nothing.address, nothing.started) == ("8", None, None, None)
    assert ours.mark is not None


@pytest.mark.parametrize("price", [None, "missing", "0.2", True, -0.2, float("inf"), float("nan"), {}])
@pytest.mark.parametrize("name", ["dph_total", "storage_total_cost"])
def test_a_price_that_is_not_said_is_not_free(wire: Wire, name: str, price: object) -> None:
    told = {**row(storage_total_cost=0.01), name: price}
    if price == "missing":
        del told[name]
    wire.replies["list"] = lambda _: Reply(200, json.dumps(page(told)).encode())
    (found,) = wire.host.list_instances()
    unknown = found.dph if name == "dph_total" else found.disk_dph
    assert math.isnan(unknown)


@pytest.mark.parametrize(
    ("written", "agreed"), [("0.1485", 0.1485), ("", 0.0), ("cheap", 0.0), ("nan", 0.0), ("inf", 0.0), ("-1", 0.0)]
)
def test_the_price_of_the_rental_is_read_from_the_environment(wire: Wire, written: str, agreed: float) -> None:
    wire.says("list", page(row(extra_env=[["ERT_GPU_PRICE_PER_HOUR", written]]), row(2)))
    found, without = wire.host.list_instances()
    assert (found.agreed, without.agreed) == (agreed, 0.0)


def test_every_page_is_read(wire: Wire) -> None:
    pages = {"": page(row(1), next_token="t1", total_instances=2), "t1": page(row(2), total_instances=2)}
    wire.replies["list"] = lambda r: Reply.json(pages[r.one("after_token") or ""])
    assert [i.id for i in wire.host.list_instances()] == ["1", "2"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"instances": None},
        {"instances": {}},
        {"instances": ["x"]},
        {"instances": [{"id": "7"}]},
        {"success": False, "error": "deprecated_endpoint", "instances": []},
        page(row(1), total_instances=2),
        page(next_token=7),
        {"instances": []},
        {"success": True, "instances": []},
        {"instances": [], "total_instances": 0},
        page(total_instances=None),
        page(total_instances="0"),
        page(total_instances=False),
        page(row(1), total_instances=0),
        page(success="true"),
    ],
)
def test_an_answer_that_is_not_a_list_never_means_none(wire: Wire, answer: Any) -> None:
    wire.says("list", answer)
    with pytest.raises(CannotObserve):
        wire.host.list_instances()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("list", reset=True, count=9),
        Fault("list", status=502, body="<html>bad gateway</html>", content_type="text/html", count=9),
        Fault("list", status=429, body="API requests too frequent", count=9),
        Fault("list", status=410, body='{"success": false, "error": "deprecated_endpoint"}', count=9),
        Fault("list", status=200, body="<html>hello</html>", content_type="text/html", count=9),
        Fault("list", status=200, body='{"instances": [', count=9),
    ],
    ids=lambda f: f"{f.status or 'reset'} {f.body[:12]}",
)
def test_a_list_that_fails_never_means_none(wire: Wire, fault: Fault) -> None:
    wire.says("list", page())
    wire.faults.add(fault)
    with pytest.raises(CannotObserve):
        wire.host.list_instances()


def test_a_refused_key_is_the_users_to_mend_and_is_never_shown(wire: Wire) -> None:
    wire.says("list", {"success": False, "error": "auth_error", "msg": "Invalid user key"}, 404)
    with pytest.raises(UsageError) as refused:
        wire.host.list_instances()
    assert "key" in refused.value.summary
    assert "canary" not in f"{refused.value!r} {refused.value.detail} {refused.value.hint}"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"instances": None}, 200),
        ({"success": True, "instances": None}, 200),
        ({"success": False, "error": "no_such_instance"}, 404),
    ],
)
def test_absent_is_said_by_a_complete_answer_only(wire: Wire, answer: Any, status: int) -> None:
    wire.says("show", answer, status)
    assert wire.host.get_instance(nth(7)) is None


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"success": False, "error": "auth_error", "msg": "Invalid user key"}, 404, UsageError),
        ({}, 404, CannotObserve),
        ({}, 200, CannotObserve),
        ({"instances": []}, 200, CannotObserve),
        ({"instances": {}}, 200, CannotObserve),
        ({"instances": False}, 200, CannotObserve),
        ({"instances": ""}, 200, CannotObserve),
        ({"instances": [None]}, 200, CannotObserve),
        ({"instances": {"id": 8}}, 200, CannotObserve),
        ({"instances": {"id": "7"}}, 200, CannotObserve),
        ({"success": False, "instances": None}, 200, CannotObserve),
        ({"instances": None}, 404, CannotObserve),
        ({"error": "no_such_instance"}, 200, CannotObserve),
        ([], 200, CannotObserve),
        ([], 404, CannotObserve),
        (None, 200, CannotObserve),
        ({"success": False, "error": "not_found", "msg": "no route"}, 404, CannotObserve),
        ({"success": False}, 500, CannotObserve),
    ],
)
def test_a_bare_404_is_no_proof_of_absence(wire: Wire, answer: Any, status: int, error: type[ErtError]) -> None:
    wire.says("show", answer, status)
    with pytest.raises(error):
        wire.host.get_instance(nth(7))


def test_words_from_outside_cannot_drive_the_terminal(wire: Wire) -> None:
    wire.says("list", page(row(status_msg="\x1b]0;owned\x07pulling\x1b[31m 3%\n\r\x00")))
    (found,) = wire.host.list_instances()
    assert found.message.text == "pulling 3%"


@pytest.mark.parametrize("name", ["i-0f3a", "007", "-7", "7/../8", "1" * 20, "\u0667"])
def test_an_id_that_vast_cannot_have_given_out_is_never_sent(wire: Wire, name: str) -> None:
    """It is no proof of absence either: an instance with this id may exist at another provider."""
    calls = (wire.host.get_instance, wire.host.destroy, wire.host.start, wire.host.stop)
    for call in calls:
        with pytest.raises(CannotObserve, match=r"is not an id of Vast\.ai"):
            call(InstanceId(name))
    with pytest.raises(CannotObserve, match=r"is not an id of Vast\.ai"):
        wire.host.logs(InstanceId(name), 5)
    assert wire.got == []

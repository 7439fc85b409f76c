"""Render's API on the wire: key, headers, rate limits, pagination, variables, errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.httpd.faults import Fault
from tests.support.render.world import ENV, World, running, until


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running() as up:
        yield up


@pytest.fixture(autouse=True)
def variables_as_at_first(world: World) -> Iterator[None]:
    yield
    world.call("PUT", "{s}/env-vars", json=[{"key": k, "value": v} for k, v in ENV.items()])


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic x"])
def test_a_wrong_key_is_401_on_every_path(world: World, header: str | None) -> None:
    answer = requests.get(world.double.url + "/users", headers={"Authorization": header} if header else {}, timeout=5)
    assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized"})
    assert "Render-Request-Id" in answer.headers


def test_the_cheapest_key_check_names_the_user(world: World) -> None:
    assert set(world.get("/users")) == {"email", "id", "name"}


def test_an_unknown_id_is_404_in_the_recorded_words(world: World) -> None:
    answer = world.call("GET", "/services/srv-cu2k4j3qf0us73fbv7u0")
    assert (answer.status_code, answer.json()) == (404, {"message": "not found: srv-cu2k4j3qf0us73fbv7u0"})


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [("GET", "/owners", "400"), ("PUT", "{s}/env-vars", "100"), ("GET", "/logs", "30"), ("POST", "{s}/deploys", "10")],
)
def test_every_answer_carries_the_bucket_of_its_operation(world: World, method: str, path: str, limit: str) -> None:
    headers = world.call(method, path).headers
    assert headers["Ratelimit-Limit"] == limit
    assert 0 <= int(headers["Ratelimit-Reset"]) <= 59
    assert re.fullmatch(r"api-[0-9a-f]{10}-[a-z0-9]{5}/[a-z0-9]{10}-\d{6}", headers["Render-Request-Id"])
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_the_eleventh_deploy_in_a_minute_is_429_with_retry_after_and_the_limit_passes_with_world_time() -> None:
    with running(speed=20.0) as world:
        answers = [world.deploy(deployMode="nonsense") for _ in range(25)]
        refused = next(a for a in answers if a.status_code == 429)
        assert refused.headers["Ratelimit-Remaining"] == "0"
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert world.call("GET", "{s}").status_code == 200


def test_the_reset_header_can_be_switched_to_the_documented_epoch() -> None:
    with running(reset_as_epoch=True) as world:
        assert int(world.call("GET", "/users").headers["Ratelimit-Reset"]) > 1e9


def test_forty_five_variables_come_in_pages_of_twenty_and_every_item_has_its_cursor(world: World) -> None:
    wanted = [{"key": f"KEY_{n}", "value": str(n)} for n in range(45)]
    world.call("PUT", "{s}/env-vars", json=wanted)
    found: list[dict[str, str]] = []
    sizes, cursor = [], ""
    while page := world.get("{s}/env-vars", **({"cursor": cursor} if cursor else {})):
        sizes.append(len(page))
        found += [row["envVar"] for row in page]
        cursor = page[-1]["cursor"]
    assert sizes == [20, 20, 5]
    assert found == wanted
    assert len(world.get("{s}/env-vars", limit=100)) == 45


@pytest.mark.parametrize(
    ("params", "code"),
    [({"limit": "0"}, "invalid_limit"), ({"limit": "101"}, "invalid_limit"), ({"cursor": "x"}, "invalid_cursor")],
)
def test_a_bad_page_request_is_400(world: World, params: dict[str, str], code: str) -> None:
    answer = world.call("GET", "{s}/env-vars", params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("path", ["/services", "/disks", "/env-groups", "/postgres", "/key-value", "{s}/deploys"])
@pytest.mark.parametrize("name", ["createdBefore", "updatedAfter"])
def test_an_invalid_time_is_400_whether_or_not_anything_is_listed(world: World, path: str, name: str) -> None:
    assert world.call("GET", path, params={name: "yesterday"}).status_code == 400
    assert world.call("GET", path, params={name: "2026-01-02T03:04:05"}).status_code == 400
    assert world.call("GET", path, params={name: "2026-01-02T03:04:05Z"}).status_code == 200


def test_groups_are_listed_by_their_times_and_up_to_the_limit(world: World) -> None:
    for number in range(3):
        body = {"name": f"group-{number}", "ownerId": world.double.owner_id, "envVars": []}
        assert world.call("POST", "/env-groups", json=body).status_code == 201
    names = [row["name"] for row in world.get("/env-groups")]
    assert names == ["group-0", "group-1", "group-2"]
    middle = world.get("/env-groups")[1]["createdAt"]
    assert [row["name"] for row in world.get("/env-groups", createdAfter=middle)] == ["group-2"]
    assert [row["name"] for row in world.get("/env-groups", updatedBefore=middle)] == ["group-0"]
    assert [row["name"] for row in world.get("/env-groups", limit=2)] == ["group-0", "group-1"]
    assert world.call("GET", "/env-groups", params={"limit": "false"}).status_code == 400
    for row in world.get("/env-groups"):
        assert world.call("DELETE", f"/env-groups/{row['id']}").status_code == 204


def test_a_build_filter_has_both_lists(world: World) -> None:
    assert world.call("PATCH", "{s}", json={"buildFilter": {"paths": ["app/**"]}}).status_code == 400
    both = {"paths": ["app/**"], "ignoredPaths": []}
    assert world.call("PATCH", "{s}", json={"buildFilter": both}).json()["buildFilter"] == both
    neither = {"paths": None, "ignoredPaths": None}
    assert "buildFilter" not in world.call("PATCH", "{s}", json={"buildFilter": neither}).json()


def test_a_page_stays_right_when_an_item_already_seen_is_deleted(world: World) -> None:
    world.call("PUT", "{s}/env-vars", json=[{"key": k, "value": "1"} for k in "ABC"])
    first = world.get("{s}/env-vars", limit=2)
    world.call("DELETE", "{s}/env-vars/B")
    assert [r["envVar"]["key"] for r in world.get("{s}/env-vars", cursor=first[-1]["cursor"])] == ["C"]


@pytest.mark.parametrize("body", ["null", "[]"])
def test_the_bulk_put_replaces_everything_even_with_nothing(world: World, body: str) -> None:
    answer = world.call("PUT", "{s}/env-vars", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, [])
    assert world.get("{s}/env-vars") == []


def test_the_bulk_put_answers_in_order_with_new_cursors(world: World) -> None:
    body = [{"key": "key2", "value": "val2"}, {"key": "key1", "generateValue": True}]
    first, second = (world.call("PUT", "{s}/env-vars", json=body).json() for _ in range(2))
    assert [row["envVar"]["key"] for row in first] == ["key2", "key1"]
    assert {row["cursor"] for row in first}.isdisjoint(row["cursor"] for row in second)


def test_one_key_is_added_changed_read_in_clear_and_deleted_without_touching_the_others(world: World) -> None:
    for value in ("first", "second", ""):
        answer = world.call("PUT", "{s}/env-vars/NEW", json={"value": value})
        assert (answer.status_code, answer.json()) == (200, {"key": "NEW", "value": value})
    assert world.get("{s}/env-vars/NEW") == {"key": "NEW", "value": ""}
    deleted = world.call("DELETE", "{s}/env-vars/NEW")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert world.call("GET", "{s}/env-vars/NEW").status_code == 404
    assert {r["envVar"]["key"]: r["envVar"]["value"] for r in world.get("{s}/env-vars")} == ENV


def test_an_escaped_key_reaches_its_own_variable(world: World) -> None:
    assert world.call("PUT", "{s}/env-vars/A%2Fx%20y", json={"value": "v"}).json() == {"key": "A/x y", "value": "v"}
    assert world.get("{s}/env-vars/A%2Fx%20y")["value"] == "v"


def test_a_generated_value_is_256_bits_in_base64(world: World) -> None:
    value = world.call("PUT", "{s}/env-vars/SECRET", json={"generateValue": True}).json()["value"]
    assert len(value) == 44
    assert value.endswith("=")


@pytest.mark.parametrize(
    "body", [{}, {"value": 1}, {"value": None}, {"value": "a", "generateValue": True}, {"generateValue": False}, [], 5]
)
def test_a_variable_without_one_string_value_is_400(world: World, body: Any) -> None:
    assert world.call("PUT", "{s}/env-vars/BAD", json=body).status_code == 400
    assert world.call("GET", "{s}/env-vars/BAD").status_code == 404


def test_a_body_that_is_not_json_is_400(world: World) -> None:
    assert world.call("PUT", "{s}/env-vars", data="{").status_code == 400
    assert world.call("POST", "{s}/deploys").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"clearCache": True},
        {"clearCache": "yes"},
        {"deployMode": "restart"},
        {"deployMode": ["deploy_only"]},
        {"deployMode": "deploy_only", "clearCache": "do_not_clear"},
        {"deployMode": "deploy_only", "commitId": "abc"},
        {"deployMode": "build_and_deploy", "imageUrl": "x"},
        {"commitId": 7},
        [],
    ],
)
def test_a_forbidden_deploy_request_is_400_and_starts_nothing(world: World, body: Any) -> None:
    before = len(world.get("{s}/deploys"))
    until(lambda: world.call("POST", "{s}/deploys", json=body).status_code == 400)
    assert len(world.get("{s}/deploys")) == before


def test_services_are_found_by_name_owner_type_and_suspension(world: World) -> None:
    (row,) = world.get("/services", name="other,dashboard", ownerId=world.double.owner_id, type="web_service")
    assert row["service"]["id"] == world.service
    assert row["service"]["suspended"] == "not_suspended"
    assert row["service"]["serviceDetails"]["url"] == world.app
    assert world.get("/services", name="dash") == []
    assert world.get("/services", suspended="suspended") == []
    assert world.get("/services", createdAfter="2999-01-01T00:00:00.123456789Z") == []


def test_owners_are_wrapped_and_env_groups_are_not(world: World) -> None:
    (row,) = world.get("/owners")
    assert world.get(f"/owners/{row['owner']['id']}") == row["owner"]
    world.double.trouble({"kind": "env_group", "name": "shared", "env": {"FROM_GROUP": "yes", "KEEP": "loses"}})
    (group,) = world.get("/env-groups")
    assert group["serviceLinks"] == [{"id": world.service, "name": "dashboard", "type": "web"}]
    assert "envVars" not in group
    assert {"key": "FROM_GROUP", "value": "yes"} in world.get(f"/env-groups/{group['id']}")["envVars"]


def test_secret_files_are_replaced_as_a_whole(world: World) -> None:
    files = [{"name": "a.json", "content": "{}"}, {"name": "b", "content": ""}]
    assert [r["secretFile"] for r in world.call("PUT", "{s}/secret-files", json=files).json()] == files
    assert [r["secretFile"] for r in world.get("{s}/secret-files")] == files
    assert world.call("PUT", "{s}/secret-files", json=None).status_code == 400
    assert world.call("PUT", "{s}/secret-files", data="null").json() == []


def test_a_patch_changes_settings_and_never_deploys(world: World) -> None:
    before = len(world.get("{s}/deploys"))
    answer = world.patiently("PATCH", "{s}", json={"autoDeploy": "no", "serviceDetails": {"plan": "standard"}})
    assert answer.json()["autoDeploy"] == "no"
    assert answer.json()["serviceDetails"]["plan"] == "standard"
    assert len(world.get("{s}/deploys")) == before
    for refused in (
        {"autoDeploy": "no", "autoDeployTrigger": "off"},
        {"serviceDetails": {"region": "ohio"}},
        {"serviceDetails": {"maxShutdownDelaySeconds": 301}},
        {"name": 5},
    ):
        assert world.patiently("PATCH", "{s}", json=refused).status_code == 400


def test_logs_need_an_owner_and_a_resource_and_carry_the_output_of_the_process(world: World) -> None:
    assert world.call("GET", "/logs", params={"ownerId": world.double.owner_id}).status_code == 400
    asked = {"ownerId": world.double.owner_id, "resource": world.service, "type": "app", "text": "fingerprint"}
    page = world.get("/logs", startTime="2020-01-01T00:00:00Z", **asked)
    line = page["logs"][-1]
    assert line["message"] == "fingerprint one"
    assert {"name": "resource", "value": world.service} in line["labels"]
    assert re.search(r"\.\d{9}Z$", line["timestamp"])
    assert page["hasMore"] is False


def test_logs_page_by_time(world: World) -> None:
    asked: dict[str, Any] = {"ownerId": world.double.owner_id, "resource": world.service, "limit": 1}
    first = world.get("/logs", startTime="2020-01-01T00:00:00Z", **asked)
    second = world.get("/logs", startTime=first["nextStartTime"], endTime=first["nextEndTime"], **asked)
    assert first["hasMore"] is True
    assert second["logs"][0]["id"] != first["logs"][0]["id"]
    assert second["logs"][0]["timestamp"] <= first["logs"][0]["timestamp"]


def test_events_of_the_last_hour_only_unless_start_time_says_more(world: World) -> None:
    everything = world.get("{s}/events", startTime="2020-01-01T00:00:00Z")
    assert world.get(f"/events/{everything[0]['event']['id']}")["serviceId"] == world.service
    assert world.get("{s}/events", startTime="2999-01-01T00:00:00Z") == []
    assert world.call("GET", "{s}/events", params={"startTime": "yesterday"}).status_code == 400


def test_a_reset_after_the_write_leaves_the_write_done(world: World) -> None:
    world.double.faults.add(Fault("put_env_var", when="after", reset=True))
    with pytest.raises(requests.ConnectionError):
        world.call("PUT", "{s}/env-vars/WRITTEN", json={"value": "yes"})
    assert world.get("{s}/env-vars/WRITTEN")["value"] == "yes"


def test_inspect_shows_no_value(world: World) -> None:
    world.put("API_KEY", "ert-very-secret")
    shown = str(world.double.inspect())
    assert "API_KEY" in shown
    assert "ert-very-secret" not in shown

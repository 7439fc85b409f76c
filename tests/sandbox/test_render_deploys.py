"""How a configuration reaches a running process on Render, and all the cases in which it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.render.models import Timeline
from tests.support.render.world import RUNNING, SLOW, World, running, until


@pytest.fixture
def slow() -> Iterator[World]:
    with running(timeline=SLOW) as up:
        yield up


@pytest.fixture
def world() -> Iterator[World]:
    with running() as up:
        yield up


def test_a_new_service_is_live_and_runs_with_renders_environment_and_nothing_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAST_API_KEY", "must-not-leak")
    world.deploy(deployMode="deploy_only")
    until(lambda: not _in_flight(world))
    env = world.seen()["env"]
    assert env["RENDER"] == "true"
    assert env["RENDER_SERVICE_ID"] == world.service
    assert env["RENDER_EXTERNAL_URL"] == world.app
    assert env["RENDER_INSTANCE_ID"].startswith(world.service)
    assert env["KEEP"] == "kept"
    assert "VAST_API_KEY" not in env
    ours = set(env) - {"PATH", "HOME", "LANG", "PORT", "FINGERPRINT", "KEEP", "LC_CTYPE", "TMPDIR"}
    ours -= {"PYTHONPATH", "ERT_SANDBOX_REFUSED"}  # restricts the process to loopback
    assert all(name.startswith(("RENDER", "IS_PULL", "FORWARDED", "WEB_CONC", "GUNICORN")) for name in ours)


def _in_flight(world: World) -> bool:
    return world.get("{s}/deploys", limit=1)[0]["deploy"]["status"] in {*RUNNING, "queued"}


def test_writing_a_variable_does_not_deploy(world: World) -> None:
    before = world.seen()
    world.put("FINGERPRINT", "two")
    assert len(world.get("{s}/deploys")) == 1
    assert world.seen() == before


def test_a_restart_brings_a_new_process_with_the_old_environment(world: World) -> None:
    before = world.seen()["pid"]
    world.put("FINGERPRINT", "two")
    answer = world.call("POST", "{s}/restart")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "Content-Type" not in answer.headers
    until(lambda: world.seen()["pid"] != before)
    assert world.fingerprint() == "one"
    assert world.events("server_restarted") == [{"triggeredByUser": "owner@localhost"}]


def test_deploy_only_applies_the_new_environment_without_a_build(world: World) -> None:
    world.put("FINGERPRINT", "two")
    answer = world.deploy(deployMode="deploy_only")
    assert answer.status_code == 201
    deploy = answer.json()
    assert deploy["id"].startswith("dep-")
    assert deploy["trigger"] == "api"
    assert set(deploy["commit"]) == {"id", "message", "createdAt"}
    assert "finishedAt" not in deploy
    builds = len(world.events("build_started"))
    assert world.ended(deploy["id"]) == "live"
    assert world.fingerprint() == "two"
    assert len(world.events("build_started")) == builds == 1


def test_the_environment_is_taken_when_the_deploy_starts(world: World) -> None:
    world.put("FINGERPRINT", "two")
    deploy = world.deploy().json()["id"]
    world.put("FINGERPRINT", "three")
    assert world.ended(deploy) == "live"
    assert world.fingerprint() == "two"


def test_the_old_instance_answers_every_request_until_the_swap_and_no_request_fails(world: World) -> None:
    world.put("FINGERPRINT", "two")
    deploy = world.deploy().json()["id"]
    seen: list[str | None] = []
    while world.status(deploy) in RUNNING:
        seen.append(world.fingerprint())
    seen.append(world.fingerprint())
    assert seen[0] == "one"
    assert seen[-1] == "two"
    assert seen == sorted(seen, key=lambda value: value == "two")
    (_, old) = (row["deploy"]["status"] for row in world.get("{s}/deploys"))
    assert old == "deactivated"


def test_both_instances_run_until_the_old_one_has_drained(slow: World) -> None:
    slow.deploy(deployMode="deploy_only")
    until(lambda: len(slow.get("{s}/instances")) == 2)
    until(lambda: not _in_flight(slow))
    assert len(slow.get("{s}/instances")) == 2
    until(lambda: len(slow.get("{s}/instances")) == 1)
    assert slow.fingerprint() == "one"


def test_a_build_shows_its_stages_and_a_list_can_be_filtered_by_them(slow: World) -> None:
    deploy = slow.deploy(clearCache="clear").json()["id"]
    until(lambda: slow.status(deploy) == "build_in_progress")
    both = {"status": ["build_in_progress", "created"]}
    assert [r["deploy"]["id"] for r in slow.get("{s}/deploys", **both)] == [deploy]
    until(lambda: slow.status(deploy) == "update_in_progress")
    assert slow.ended(deploy) == "live"
    (live,) = slow.get("{s}/deploys", status="live")
    assert live["deploy"]["id"] == deploy
    created = live["deploy"]["createdAt"]
    assert slow.get("{s}/deploys", createdAfter=created) == []
    assert len(slow.get("{s}/deploys", createdBefore=created)) == 1
    started, ended = slow.events("deploy_started")[0], slow.events("deploy_ended")[0]
    assert started["trigger"]["clearCache"] is True
    assert (ended["deployId"], ended["deployStatus"], ended["reason"]) == (deploy, "succeeded", {})


def test_a_second_deploy_waits_without_an_id_and_only_the_newest_waiting_one_runs(slow: World) -> None:
    first = slow.deploy().json()["id"]
    answers = [slow.deploy(deployMode="deploy_only") for _ in range(3)]
    assert [(a.status_code, a.content) for a in answers] == [(202, b"")] * 3
    assert all("Content-Type" not in a.headers for a in answers)
    (queued,) = slow.get("{s}/deploys", status="queued")
    slow.put("FINGERPRINT", "two")
    assert slow.ended(first) in {"live", "deactivated"}
    assert slow.ended(queued["deploy"]["id"]) == "live"
    assert slow.fingerprint() == "two"
    statuses = [row["deploy"]["status"] for row in slow.get("{s}/deploys")]
    assert statuses == ["live", "canceled", "canceled", "deactivated", "deactivated"]


def test_overtaken_deploys_can_also_vanish(slow: World) -> None:
    slow.double.trouble({"kind": "absorbed", "as": "vanish"})
    slow.deploy()
    for _ in range(3):
        slow.deploy(deployMode="deploy_only")
    assert len(slow.get("{s}/deploys")) == 3


def test_under_override_the_newer_deploy_cancels_the_running_one() -> None:
    with running(policy="override") as world:
        first = world.deploy().json()["id"]
        second = world.deploy(deployMode="deploy_only")
        assert second.status_code == 201
        assert world.status(first) == "canceled"
        assert world.ended(second.json()["id"]) == "live"
        ended = [e for e in world.events("deploy_ended") if e["deployId"] == first]
        assert ended[0]["reason"] == {"newDeploy": {"id": second.json()["id"]}}


def test_canceling_keeps_the_old_instance_and_starts_the_waiting_deploy_at_once(slow: World) -> None:
    first = slow.deploy().json()["id"]
    slow.deploy(deployMode="deploy_only")
    answer = slow.call("POST", f"{{s}}/deploys/{first}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert slow.get("{s}/deploys", status="queued") == []
    until(lambda: not _in_flight(slow))
    assert [r["deploy"]["status"] for r in slow.get("{s}/deploys")] == ["live", "canceled", "deactivated"]
    assert slow.call("POST", f"{{s}}/deploys/{first}/cancel").status_code == 400


def test_a_deploy_that_never_gets_healthy_leaves_the_old_one_serving_and_says_why() -> None:
    with running(timeline=Timeline(build=10, health_deadline=200, patience=1.0)) as world:
        world.put("SICK", "1")
        world.put("FINGERPRINT", "two")
        deploy = world.deploy(deployMode="deploy_only").json()["id"]
        assert world.ended(deploy) == "update_failed"
        assert world.fingerprint() == "one"
        failure = world.events("deploy_ended")[0]["reason"]["failure"]
        assert "GET /health" in failure["unhealthy"]
        until(lambda: len(world.get("{s}/instances")) == 1)


def test_a_process_that_exits_fails_the_deploy_at_once_with_its_exit_code_and_its_last_words(world: World) -> None:
    world.put("EXIT", "3")
    deploy = world.deploy(deployMode="deploy_only").json()["id"]
    assert world.ended(deploy) == "update_failed"
    assert world.events("deploy_ended")[0]["reason"]["failure"]["nonZeroExit"] == 3
    asked = {"ownerId": world.double.owner_id, "resource": world.service, "text": "cannot start"}
    assert len(world.get("/logs", **asked)["logs"]) == 1
    assert world.fingerprint() == "one"


def test_a_rollback_goes_back_to_the_build_but_not_to_the_environment(world: World) -> None:
    target = world.get("{s}/deploys")[0]["deploy"]["id"]
    world.double.trouble({"kind": "foreign_deploy"})
    until(lambda: not _in_flight(world))
    pushed = world.seen()["env"]["RENDER_GIT_COMMIT"]
    world.put("FINGERPRINT", "two")
    answer = world.call("POST", "{s}/rollback", json={"deployId": target})
    assert (answer.status_code, answer.json()["trigger"]) == (201, "rollback")
    assert world.ended(answer.json()["id"]) == "live"
    after = world.seen()["env"]
    assert after["FINGERPRINT"] == "two"
    assert after["RENDER_GIT_COMMIT"] != pushed
    assert world.call("POST", "{s}/rollback", json={"deployId": "dep-unknown"}).status_code == 404


def test_a_service_made_by_the_api_deploys_at_once_and_has_no_build_to_reuse_yet(world: World) -> None:
    body: dict[str, Any] = {"type": "web_service", "name": "dashboard", "ownerId": world.double.owner_id}
    body["envVars"] = [{"key": "FINGERPRINT", "value": "fresh"}]
    answer = world.call("POST", "/services", json=body)
    assert (answer.status_code, answer.headers["Ratelimit-Limit"]) == (201, "20")
    service = answer.json()["service"]
    assert service["slug"].startswith("dashboard-")
    path = f"/services/{service['id']}/deploys"
    early = world.call("POST", path, json={"deployMode": "deploy_only"})
    assert early.status_code == 400
    until(lambda: world.get(f"{path}/{answer.json()['deployId']}")["status"] == "live")
    with requests.get(service["serviceDetails"]["url"], timeout=5) as page:
        assert page.json()["env"]["FINGERPRINT"] == "fresh"
    assert world.call("DELETE", f"/services/{service['id']}").status_code == 204
    with requests.get(service["serviceDetails"]["url"], timeout=5) as page:
        assert page.status_code == 404


def test_variables_of_a_linked_group_are_weaker_than_the_services_own(world: World) -> None:
    world.double.trouble({"kind": "env_group", "name": "shared", "env": {"KEEP": "loses", "EXTRA": "from group"}})
    world.deploy(deployMode="deploy_only")
    until(lambda: not _in_flight(world))
    env = world.seen()["env"]
    assert (env["KEEP"], env["EXTRA"]) == ("kept", "from group")


def test_a_service_of_an_earlier_world_keeps_its_ids(world: World) -> None:
    service, made = "srv-of-an-earlier-world", "dep-of-an-earlier-world"
    added = world.double.add_service("another", {"FINGERPRINT": "then"}, service_id=service, deploy_id=made)
    assert added == service
    (deploy,) = world.get(f"/services/{service}/deploys")
    assert (deploy["deploy"]["id"], deploy["deploy"]["status"]) == (made, "live")
    with requests.get(world.double.app_url(service), timeout=10) as answer:
        assert answer.json()["env"]["FINGERPRINT"] == "then"

"""Troubles of the platform, enabled through data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ert_deploy.sandbox.httpd.faults import Fault
from ert_deploy.sandbox.render.models import Timeline
from tests.support.render.world import World, running, until

SHORT = Timeline(build=10, boot=60, health_deadline=200)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running(timeline=SHORT) as up:
        yield up


def outcome(world: World) -> str:
    """Return the final status of the next deploy, in a new rate-limit window."""
    answers = []

    def accepted() -> bool:
        answers.append(world.deploy(deployMode="deploy_only"))
        return answers[-1].status_code == 201

    until(accepted)
    return world.ended(answers[-1].json()["id"])


@pytest.mark.parametrize("status", ["pre_deploy_failed", "update_failed", "canceled"])
def test_the_next_deploy_fails_as_told_and_the_one_after_does_not(world: World, status: str) -> None:
    reason = {"evicted": False, "oomKilled": {"memoryLimit": "512Mi"}}
    world.double.trouble({"kind": "deploy_fails", "status": status, "reason": reason})
    assert outcome(world) == status
    assert world.events("deploy_ended")[0]["reason"]["failure"] == reason
    assert outcome(world) == "live"


def test_a_failed_build_never_starts_a_process(world: World) -> None:
    until(lambda: len(world.get("{s}/instances")) == 1)
    world.double.trouble({"kind": "deploy_fails", "status": "build_failed"})
    deploy = world.deploy().json()["id"]
    assert world.ended(deploy) == "build_failed"
    assert world.events("build_ended")[0]["buildStatus"] == "failed"
    assert len(world.get("{s}/instances")) == 1


def test_an_unhealthy_deploy_times_out(world: World) -> None:
    world.double.trouble({"kind": "unhealthy"})
    assert outcome(world) == "update_failed"
    assert "unhealthy" in world.events("deploy_ended")[0]["reason"]["failure"]


def test_exhausted_pipeline_minutes_cancel_even_deploy_only_until_taken_back(world: World) -> None:
    world.double.trouble({"kind": "pipeline_minutes_exhausted"})
    assert outcome(world) == "canceled"
    assert world.events("pipeline_minutes_exhausted")[0]["trigger"]["manual"] is True
    world.double.trouble({"kind": "pipeline_minutes_exhausted", "on": False})
    assert outcome(world) == "live"


def test_a_new_deploy_may_not_be_readable_at_first(world: World) -> None:
    world.double.trouble({"kind": "early_404", "reads": 2})
    until(lambda: world.get("{s}/deploys", limit=1)[0]["deploy"]["status"] == "live")
    deploy = world.deploy(deployMode="deploy_only").json()["id"]
    reads = [world.call("GET", f"{{s}}/deploys/{deploy}").status_code for _ in range(3)]
    assert reads == [404, 404, 200]
    assert world.ended(deploy) == "live"


def test_a_status_nobody_knows_is_shown_while_the_deploy_runs(world: World) -> None:
    world.double.trouble({"kind": "unknown_status", "status": "artifact_fetch_in_progress"})
    deploy = world.deploy(deployMode="deploy_only").json()["id"]
    until(lambda: world.status(deploy) == "artifact_fetch_in_progress")
    assert world.ended(deploy) == "live"


def test_somebody_elses_push_is_a_full_build_with_a_commit_and_todays_environment(world: World) -> None:
    world.double.trouble({"kind": "foreign_env", "set": {"FINGERPRINT": "theirs"}, "unset": ["KEEP"]})
    world.double.trouble({"kind": "foreign_deploy", "message": "Fix a typo"})
    newest = world.get("{s}/deploys", limit=1)[0]["deploy"]
    assert (newest["trigger"], newest["commit"]["message"]) == ("new_commit", "Fix a typo")
    assert world.ended(newest["id"]) == "live"
    assert world.seen()["env"]["FINGERPRINT"] == "theirs"
    assert "KEEP" not in world.seen()["env"]


def test_a_plan_nobody_knows_is_shown_as_it_is(world: World) -> None:
    world.double.trouble({"kind": "plan", "plan": "0.5c-512mb"})
    assert world.get("{s}")["serviceDetails"]["plan"] == "0.5c-512mb"


def test_an_html_502_in_front_of_the_api(world: World) -> None:
    world.double.faults.add(Fault("get_user", status=502, body="<html>Bad Gateway</html>", content_type="text/html"))
    assert world.call("GET", "/users").text == "<html>Bad Gateway</html>"
    assert world.call("GET", "/users").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "earthquake"},
        {},
        {"kind": "deploy_fails", "status": "live"},
        {"kind": "crash", "service": "x"},
        {"kind": "policy", "policy": "x"},
    ],
)
def test_a_trouble_that_is_not_in_the_table_is_refused(world: World, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        world.double.trouble(wrong)

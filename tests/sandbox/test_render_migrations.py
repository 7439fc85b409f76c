"""Commands of a service at the sandbox's Render: its own start command, and the one that precedes each deploy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.render.world import RUNNING, World, running, until

APP = Path(__file__).parents[1] / "support/render/app.py"
BEFORE = 'echo "$FINGERPRINT" >> migrated; test "$FINGERPRINT" != broken'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Run a service whose start command is its own, in an empty folder."""
    with running(folder=tmp_path, command=None, start=f"{sys.executable} {APP}") as up:
        yield up


def deployed(world: World, fingerprint: str) -> str:
    world.put("FINGERPRINT", fingerprint)
    deploy = world.deploy(deployMode="deploy_only").json()["id"]
    until(lambda: world.status(deploy) not in {*RUNNING, "queued", "pre_deploy_in_progress"})
    return world.status(deploy)


def commands(world: World, **changed: object) -> None:
    body = {"serviceDetails": changed}
    assert world.call("PATCH", "{s}", json=body).status_code == 200


def test_it_runs_before_each_deploy_with_the_new_environment(world: World, tmp_path: Path) -> None:
    assert world.fingerprint() == "one"
    commands(world, preDeployCommand=BEFORE)
    assert deployed(world, "two") == "live"
    assert deployed(world, "three") == "live"
    assert (tmp_path / "migrated").read_text() == "two\nthree\n"
    until(lambda: world.fingerprint() == "three")


def test_a_failed_one_leaves_the_old_version_serving(world: World, tmp_path: Path) -> None:
    commands(world, preDeployCommand=BEFORE)
    assert deployed(world, "two") == "live"
    process = world.seen()["pid"]
    assert deployed(world, "broken") == "pre_deploy_failed"
    assert (tmp_path / "migrated").read_text() == "two\nbroken\n"
    assert (world.fingerprint(), world.seen()["pid"]) == ("two", process)
    ended = world.events("deploy_ended")[0]
    assert ended["deployStatus"] == "failed"
    assert ended["reason"]["failure"]["nonZeroExit"] == 1
    assert deployed(world, "three") == "live"


def test_a_free_service_has_none(world: World, tmp_path: Path) -> None:
    commands(world, preDeployCommand=BEFORE, plan="free")
    assert deployed(world, "two") == "live"
    assert not (tmp_path / "migrated").exists()

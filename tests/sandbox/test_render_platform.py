"""Render's platform around the API: the edge, crashes, sleep, suspension, and the remains after shutdown."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.render.world import SLOW, World, running, until


@pytest.fixture
def world() -> Iterator[World]:
    with running() as up:
        yield up


def deploy_and_wait(world: World) -> None:
    """Request a deploy and wait until it is live."""
    assert world.ended(world.deploy(deployMode="deploy_only").json()["id"]) == "live"


def newest(world: World) -> tuple[str, str]:
    """Return the trigger and status of the newest deploy."""
    deploy = world.get("{s}/deploys", limit=1)[0]["deploy"]
    return deploy["trigger"], deploy["status"]


def test_a_kept_alive_connection_reaches_the_new_instance_after_the_swap(world: World) -> None:
    with requests.Session() as browser:
        assert browser.get(world.app, timeout=5).json()["env"]["FINGERPRINT"] == "one"
        world.put("FINGERPRINT", "two")
        deploy_and_wait(world)
        assert browser.get(world.app, timeout=5).json()["env"]["FINGERPRINT"] == "two"


def test_an_upgraded_connection_passes_bytes_both_ways_and_lives_until_the_old_instance_ends() -> None:
    with running(timeline=SLOW) as world:
        host, port = world.app.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 5) as raw:
            raw.sendall(b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            assert raw.recv(1024).startswith(b"HTTP/1.1 101")
            for word in (b"hello", b"POST / HTTP/1.1\r\n"):
                raw.sendall(word)
                assert raw.recv(1024) == word.upper()
            deploy_and_wait(world)
            raw.sendall(b"still here")
            assert raw.recv(1024) == b"STILL HERE"
            assert raw.recv(1024) == b""


def test_the_health_check_asks_with_the_public_host(world: World) -> None:
    assert world.seen()["host"] == world.app.removeprefix("http://")


def test_a_crashed_process_is_started_again_with_the_same_environment(world: World) -> None:
    before = world.seen()["pid"]
    world.put("FINGERPRINT", "two")
    world.double.trouble({"kind": "crash"})
    with requests.get(world.app, timeout=5) as down:
        assert (down.status_code, down.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    until(lambda: bool(world.events("server_available")))
    assert world.seen()["pid"] != before
    assert world.fingerprint() == "one"
    assert world.events("server_failed")[0]["reason"]["nonZeroExit"] == 137


def test_suspending_stops_everything_and_resuming_deploys(world: World) -> None:
    answer = world.call("POST", "{s}/suspend")
    assert (answer.status_code, answer.content) == (202, b"")
    until(lambda: world.get("{s}")["suspended"] == "suspended")
    assert world.get("{s}")["suspenders"] == ["user"]
    with requests.get(world.app, timeout=5) as page:
        assert (page.status_code, "Suspended" in page.text) == (503, True)
    assert world.deploy(deployMode="deploy_only").status_code == 400
    assert world.call("POST", "{s}/restart").status_code == 400
    world.put("FINGERPRINT", "two")
    world.call("POST", "{s}/resume")
    until(lambda: newest(world) == ("service_resumed", "live"))
    assert world.fingerprint() == "two"


def test_a_hold_by_billing_is_not_lifted_by_the_user(world: World) -> None:
    world.double.trouble({"kind": "suspend", "by": "billing"})
    world.call("POST", "{s}/suspend")
    until(lambda: world.get("{s}")["suspenders"] == ["billing", "user"])
    world.call("POST", "{s}/resume")
    until(lambda: world.get("{s}")["suspenders"] == ["billing"])
    assert world.get("{s}")["suspended"] == "suspended"
    world.double.trouble({"kind": "resume"})
    until(lambda: newest(world) == ("service_resumed", "live"))


def test_a_free_service_sleeps_when_idle_and_the_next_visitor_sees_a_page_until_it_is_awake() -> None:
    with running(speed=600.0) as world:
        world.call("PATCH", "{s}", json={"serviceDetails": {"plan": "free"}})
        until(lambda: world.double.inspect()["services"][0]["asleep"])
        with requests.get(world.app + "/health", timeout=5) as page:
            assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
        until(lambda: requests.get(world.app, timeout=5).headers["Content-Type"] == "application/json")
        assert world.fingerprint() == "one"


def test_the_wake_page_may_also_be_a_200(world: World) -> None:
    world.double.trouble({"kind": "sleep", "status": 200})
    with requests.get(world.app, timeout=5) as page:
        assert (page.status_code, page.text.startswith("<!DOCTYPE html>")) == (200, True)


def test_every_process_is_written_down_while_it_runs_and_is_gone_after_stop(tmp_path: Path) -> None:
    with running(folder=tmp_path) as world:
        url = world.app
        (row,) = json.loads((tmp_path / "render-processes.json").read_text())
        assert row["service"] == world.service
        assert os.getpgid(row["pid"]) == row["pid"]
        assert row["start_time"] > 0 or not Path("/proc/self/stat").exists()
        assert (tmp_path / "render-processes.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ProcessLookupError):
        os.kill(row["pid"], 0)
    assert json.loads((tmp_path / "render-processes.json").read_text()) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_stopping_in_the_middle_of_a_deploy_leaves_no_process() -> None:
    with running() as world:
        world.deploy(deployMode="deploy_only")
        until(lambda: len(world.get("{s}/instances")) == 2)
        pids = [i["pid"] for i in world.double.inspect()["services"][0]["instances"]]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            raise AssertionError(f"process {pid} is still there")


def test_a_service_that_cannot_start_says_so_with_its_last_words(world: World) -> None:
    with pytest.raises(RuntimeError, match="configuration is wrong"):
        world.double.add_service("broken", {"EXIT": "1"})

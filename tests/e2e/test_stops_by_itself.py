"""The off-switch on the machine, with the deployer gone: when idle, it stops; when never claimed, it is destroyed.

The three limits are passed from the config through the create call and the environment of the machine to the guard.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.world.control_client import ask
from tests.e2e.conftest import SAMPLE, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
SPEED = 60.0  # the speed of `place`
MINUTE = 60.0


def config(folder: Path, **changes: str) -> str:
    """Write the sample config with some of its lines changed; return its name."""
    text = SAMPLE.read_text()
    for key, value in changes.items():
        (line,) = [one for one in text.splitlines() if one.strip().startswith(f"{key}: ")]
        text = text.replace(line, line[: line.index(key)] + f"{key}: {value}")
    (folder / "short.yaml").write_text(text)
    return "short.yaml"


def machine(place: Place) -> dict[str, Any] | None:
    """Return the one instance as seen by the provider."""
    found: list[dict[str, Any]] = ask(place.world, "GET", "/state")["machines"]
    assert len(found) <= 1
    return found[0] if found else None


def dashboard(place: Place) -> dict[str, Any]:
    """Return the machine as the app describes it."""
    found: dict[str, Any] = requests.get(f"{place.world.app_url}/api/deployment", timeout=20).json()
    return found


def until(holds: Any, seconds: float) -> None:
    clock, end = WorldClock(), time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        clock.sleep(0.1)


def limits(row: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in row["extra_env"] if name.startswith("ERT_") and value.isdecimal()}


def test_idle_it_stops_itself_and_only_the_disk_is_billed(place: Place) -> None:
    name = config(place.folder, idle_stop="15m", boot_deadline="2h", max_lifetime="12h")
    (backend,) = place.data("up", "-c", name)["backends"]
    assert backend["off_switch"] == "proven"
    row = machine(place)
    assert row is not None
    assert dict(row["extra_env"])["ERT_APP_URLS"] == place.world.app_url
    told = limits(row)
    assert (told["ERT_IDLE_STOP"], told["ERT_BOOT_DEADLINE"], told["ERT_MAX_LIFETIME"]) == ("900", "7200", "43200")

    until(lambda: (machine(place) or {})["intended_status"] == "stopped", 90)
    until(lambda: (machine(place) or {})["cur_state"] == "stopped", 30)
    (paid,) = place.bill()["rows"]
    assert paid["gpu_seconds"] >= 15 * MINUTE - 1, "it stopped before it was idle for so long"
    assert paid["gpu_seconds"] <= 15 * MINUTE + 60 * SPEED, "within a real minute of being told and of idling"
    assert place.data("status", "-c", name)["money"]["asleep"] == "idle"
    until(lambda: dashboard(place)["state"] == "asleep", 20)
    said = dashboard(place)
    assert (said["ended"]["state"], said["ended"]["reason"], said["ended"]["seconds"]) == ("stopping", "idle", 900)
    assert said["detail"].startswith("the machine stopped itself: it was idle for 15 min")
    (later,) = place.bill()["rows"]
    assert later["gpu_seconds"] == pytest.approx(paid["gpu_seconds"], abs=15.0), "the GPU is paid after the stop"
    assert later["storage_seconds"] > paid["storage_seconds"]
    place.ert("down", "-c", name)
    assert place.bill()["running"] == []


def test_unclaimed_it_is_destroyed_by_itself_and_nothing_is_billed(place: Place) -> None:
    name = config(place.folder, boot_limit="10m", no_progress="5m", boot_deadline="10m", idle_stop="2h")
    process = place.start("up", "-c", name)
    until(lambda: machine(place) is not None, 60)
    process.kill()
    process.communicate()
    row = machine(place)
    assert row is not None
    assert limits(row)["ERT_BOOT_DEADLINE"] == "600"

    until(lambda: machine(place) is None, 120)
    bill = place.bill()
    assert bill["running"] == []
    (paid,) = bill["rows"]
    assert 10 * MINUTE - 1 <= paid["gpu_seconds"] <= 10 * MINUTE + 60 * SPEED
    place.ert("down", "-c", name)
    assert place.bill()["totals"] == bill["totals"], "something was paid after it was gone"


def test_no_app_is_told_of_machines_whose_own_key_the_provider_refuses(place: Place) -> None:
    place.trouble(provider="vast", kind="machine_env", env={"CONTAINER_API_KEY": "not-the-key-of-this-instance"})
    before = place.deploys()
    said = place.ert("up", code=1, timeout=200).stderr
    assert "it cannot stop itself: the provider rejects its own key" in said
    assert "2 machines are unusable" in said
    assert place.deploys() == before
    assert "ERT_LLM_BACKEND_URL" not in place.variables()
    assert place.instances() == []
    assert len(place.bill()["rows"]) == 2

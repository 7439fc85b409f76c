"""The daemon with the real providers: the dashboard is up, the keys are accepted, nothing remains afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from ert_deploy.sandbox.runtime.processes import recorded
from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.file import WorldFile


def variables(world: WorldFile) -> dict[str, str]:
    url = f"{world.render_url}/services/{world.service_id}/env-vars"
    headers, cursor, found = {"Authorization": f"Bearer {world.render_key}"}, None, dict[str, str]()
    while True:
        page = requests.get(url, params={"cursor": cursor} if cursor else {}, headers=headers, timeout=10).json()
        found.update({row["envVar"]["key"]: row["envVar"]["value"] for row in page})
        if not page:
            return found
        cursor = page[-1]["cursor"]


@pytest.mark.e2e
def test_a_world_of_real_parts_comes_up_and_goes_without_a_trace(tmp_path: Path) -> None:
    directory = tmp_path / "world"
    world = daemon.start(directory, speed=50.0, model="toy")
    try:
        health = requests.get(f"{world.app_url}/health", timeout=10).json()
        assert (health["status"], health["configuration"]) == ("healthy", "absent")
        assert variables(world)["EMPTY_ON_PURPOSE"] == ""
        assert len(variables(world)) > 20

        mine = {"Authorization": f"Bearer {world.vast_key}"}
        listed = requests.get(f"{world.vast_url}/api/v1/instances/", headers=mine, timeout=10)
        assert (listed.status_code, listed.json()["instances"]) == (200, [])
        assert requests.get(f"{world.vast_url}/api/v1/instances/", timeout=10).status_code in (401, 403)

        state = daemon.status(directory)
        assert state is not None
        assert (state["machines"], state["model"], state["bill"]["running"]) == ([], "toy:0.5m", [])
        marks = recorded(directory)
        assert marks
        assert all(mark.alive() for mark in marks)
    finally:
        bill = daemon.stop(directory)
    assert bill["running"] == []
    assert bill["totals"]["all"] == 0
    assert not any(mark.alive() for mark in marks)
    assert sorted(p.name for p in directory.iterdir()) == ["bill.json", "sandbox.lock", "sandbox.log"]
    assert world.vast_key not in json.dumps(bill) + (directory / "sandbox.log").read_text()

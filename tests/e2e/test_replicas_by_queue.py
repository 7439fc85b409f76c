"""Replicas come and go by the queue: none runs, reports are requested, two run, and none runs again, untouched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.sandbox.world.control_client import ask as control
from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.agent.delivery import agent, ask, ended, is_delivered, logged_in
from tests.support.dashboard.following import until

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(600)]
ASKED = 14


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox whose unused machines stop after 40 real seconds."""
    for made in run_sandbox(tmp_path, "toy", 15.0):
        text = SAMPLE.read_text()
        assert "idle_stop: 2h " in text
        text = text.replace("idle_stop: 2h ", "idle_stop: 10m ").replace("speed: 20 ", "speed: 15 ")
        (tmp_path / "mine.yaml").write_text(f"{text}\nreplicas: 2\n")
        made.extra["ERT_CONFIG"] = "mine.yaml"
        yield made


def running(place: Place) -> int:
    """Return how many machines are meant to run, requested from the sandbox directly."""
    return sum(row["intended_status"] == "running" for row in control(place.world, "GET", "/state")["machines"])


def test_from_none_to_two_to_none_by_the_queue(place: Place) -> None:
    process, _ = agent(place)
    place.ert("up", timeout=300)
    place.ert("sleep", timeout=200)
    before, deploys = place.instances(), place.deploys()
    assert running(place) == 0
    browser = logged_in(place)
    reports = [ask(place, browser) for _ in range(ASKED)]
    until(lambda: running(place) == 1, 60, every=0.2)
    until(lambda: running(place) == 2, 120, every=0.2)
    until(lambda: all(is_delivered(browser, report) for report in reports), 200, every=1.0)
    until(lambda: running(place) == 0, 200, every=0.5)
    assert place.instances() == before
    assert len(place.deploys()) - len(deploys) <= 1, "addresses are as they were"
    ended(place, process)

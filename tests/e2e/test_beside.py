"""Agent and dashboard in one service, as the Blueprint starts them: a wake, a kill in its middle, SIGTERM."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.agent.beside import eventually, look, phase, real
from tests.support.agent.delivery import KEY, ask, is_delivered, logged_in

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(280)]
PLANTED = "planted-key-of-the-cloud-0123456789"
HOST_LIMIT = 30.0  # seconds between SIGTERM and SIGKILL at Render


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox whose deployment sleeps, and its config under a name."""
    for made in run_sandbox(tmp_path, "toy", 20.0):
        (tmp_path / "mine.yaml").write_text(SAMPLE.read_text())
        made.ert("up", "-c", "mine.yaml")
        made.ert("sleep", "-c", "mine.yaml")
        yield made
        made.ert("down", "-c", "mine.yaml")
        assert made.instances() == []


def test_a_report_is_delivered_though_the_agent_is_killed_while_it_wakes(place: Place) -> None:
    before = place.instances()
    with real(place, "-c", "mine.yaml", VAST_API_KEY=PLANTED) as (one, app):
        first = one.agent()
        eventually(lambda: phase(app) == "asleep")
        browser = logged_in(app)
        report = ask(app, browser)
        eventually(lambda: phase(app) == "waking")
        os.kill(first, signal.SIGKILL)
        eventually(lambda: is_delivered(browser, report), 200)
        assert one.agent() != first
        assert place.instances() == before
        found = look(PLANTED, 1, one.pids())
        assert (found["found"], len(found["refused"])) == ([], 12)
        began = time.monotonic()
        assert one.end(within=HOST_LIMIT) == 0
        assert time.monotonic() - began < HOST_LIMIT
        log = one.log()
    assert log.count("spawned: 'agent'") == 2
    assert log.count("spawned: 'dashboard'") == 1
    assert not [secret for secret in (PLANTED, KEY, place.variables()["ERT_LLM_API_KEY"]) if secret in log]
    assert "Traceback" not in log

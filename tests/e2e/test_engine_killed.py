"""The model server is killed while it writes a report: the guard restarts it, and the same report is completed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.conftest import Place, run_sandbox
from tests.support.agent.delivery import ask, shown
from tests.support.agent.pids import engines
from tests.support.dashboard.following import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280), pytest.mark.nightly]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox whose model takes seconds for a section."""
    yield from run_sandbox(tmp_path, "auto", 20.0)


def seen(browser: requests.Session, report: str) -> dict[str, Any]:
    """Return what the app shows a second later: it limits the requests of an address."""
    threading.Event().wait(1.0)
    return shown(browser, report)


def test_a_report_outlives_its_model_server(place: Place) -> None:
    place.ert("up")
    (before,) = place.instances()
    browser = requests.Session()
    browser.headers["Origin"] = str(place.world.app_url)
    report = ask(place, browser)
    assert until(lambda: seen(browser, report).get("sections_done"), 100) < 5
    (engine,) = engines(place)
    os.kill(engine, signal.SIGKILL)
    found = until(lambda: (one := seen(browser, report)).get("status") in ("completed", "failed") and one, 150)
    assert (found["status"], found["sections_done"]) == ("completed", 5)
    assert (list(place.instances()), engine in engines(place)) == ([before], False)
    place.ert("down")

"""A report that is written when a higher bid takes the machine, for good or for a while, is delivered: all is real."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.agent.delivery import agent, ask, ended, is_delivered, logged_in, set_variable, shown
from tests.support.agent.pids import engines, guards
from tests.support.dashboard.following import until
from tests.support.doubles.postgres import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280), pytest.mark.nightly]
MODEL = "  model: smollm2:135m"
RETURNS_AFTER = 60.0  # seconds of the provider: three real ones


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox that is slow enough for a dashboard that starts on a busy machine, with a bid for its GPU."""
    text = SAMPLE.read_text()
    assert text.count(MODEL) == 1
    (tmp_path / "bid.yaml").write_text(text.replace(MODEL, f"  market: interruptible\n  bid: auto\n{MODEL}"))
    for made in run_sandbox(tmp_path, "toy", 20.0):
        made.extra["ERT_CONFIG"] = "bid.yaml"
        yield made


def held_in_the_middle(place: Place, browser: requests.Session, report: str) -> int:
    """Wait until it has a section, hold the model server, and return how many it has; never all of them."""
    until(lambda: shown(browser, report).get("sections_done"), 200)
    for pid in engines(place):
        os.kill(pid, signal.SIGSTOP)
    found = shown(browser, report)
    assert (found["status"], 0 < found["sections_done"] < found["sections_total"]) == ("generating_sections", True)
    return int(found["sections_done"])


def test_it_is_written_on_although_the_machine_is_taken(place: Place, database: Server) -> None:
    set_variable(place, "DATABASE_URL", database.url(database.database()))
    process, _ = agent(place)
    place.ert("up")
    place.ert("sleep")
    (before,) = place.instances()
    browser = logged_in(place)
    report = ask(place, browser)
    held_in_the_middle(place, browser, report)
    place.trouble(provider="vast", kind="outbid", instance_id=int(before))
    until(lambda: is_delivered(browser, report), 200)
    assert shown(browser, report)["sections_done"] == 5
    assert len(place.instances()) == 1
    ended(place, process)


def test_it_is_delivered_by_the_machine_that_returns(place: Place, database: Server) -> None:
    set_variable(place, "DATABASE_URL", database.url(database.database()))
    process, _ = agent(place)
    place.ert("up")
    before, deploys = place.instances(), place.deploys()
    browser = logged_in(place)
    report = ask(place, browser)
    held_in_the_middle(place, browser, report)
    machine = guards(place)
    place.trouble(provider="vast", kind="outbid", instance_id=int(before[0]), seconds=RETURNS_AFTER)
    until(lambda: guards(place) != machine, 60)
    until(lambda: is_delivered(browser, report), 200)
    assert shown(browser, report)["sections_done"] == 5
    assert (place.instances(), list(guards(place))) == (before, [int(before[0])])
    assert place.deploys() == deploys
    ended(place, process)

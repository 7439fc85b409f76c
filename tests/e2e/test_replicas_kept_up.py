"""`replicas: {min: 1, max: 2}`: one stays up past its idle limit, and stops by it once all else is dead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.sandbox.world.control_client import ask as control
from tests.e2e.conftest import Place
from tests.support.agent.delivery import ask, is_delivered, logged_in
from tests.support.agent.ours import CONFIG, Ours, ended, machine, ours
from tests.support.dashboard.following import until
from tests.support.doubles import postgres
from tests.support.doubles.postgres import Server

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(900)]
SPEED = 15.0
IDLE = 10 * 60.0
REAL = 30.0  # real seconds that a guard on a busy machine gets to notice and to be obeyed
REPORTS = 14


@pytest.fixture
def store() -> Iterator[Server]:
    """Run a database for one test, which kills it."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def made(tmp_path: Path, store: Server) -> Iterator[Ours]:
    """Run two machines, of which an agent keeps one up."""
    limits = {"idle_stop": "10m", "replicas": "  min: 1\n  max: 2", "policy": "  wakes_per_hour: 20"}
    with ours(tmp_path, store, SPEED, **limits) as made:
        made.place.ert("up", timeout=300)
        yield made
        said = ended(made.agent)
        assert "Traceback" not in said
        assert "is not kept up" not in said
        made.place.ert("down", timeout=200)
        assert made.place.bill()["running"] == []


def running(place: Place) -> list[str]:
    """Return which machines are meant to run, requested from the sandbox directly."""
    rows = control(place.world, "GET", "/state")["machines"]
    return [str(row["id"]) for row in rows if row["intended_status"] == "running"]


def passed(place: Place, seconds: float) -> None:
    """Wait for seconds of the sandbox."""
    end = place.world.clock.now() + seconds
    until(lambda: place.world.clock.now() >= end, seconds / SPEED + REAL)


def to_the_most_and_back(made: Ours) -> None:
    """Ask for more reports than one machine writes soon: both start, all are delivered, and one of them stops."""
    browser = logged_in(made.place)
    reports = [ask(made.place, browser) for _ in range(REPORTS)]
    until(lambda: len(running(made.place)) == 2, 150, every=0.2)
    until(lambda: all(is_delivered(browser, report) for report in reports), 250, every=1.0)
    until(lambda: len(running(made.place)) == 1, IDLE / SPEED + 2 * REAL, every=0.2)


def test_one_stays_up_while_the_agent_lives_and_no_longer(made: Ours) -> None:
    place, clock = made.place, made.place.world.clock
    both = running(place)
    assert len(both) == 2
    until(lambda: len(running(place)) == 1, IDLE / SPEED + 2 * REAL, every=0.2)
    kept = running(place)
    passed(place, 2 * IDLE)
    assert running(place) == kept

    to_the_most_and_back(made)
    assert running(place) == kept, "the other one has stopped"

    made.kill("all")
    since = clock.now()
    until(lambda: not running(place), IDLE / SPEED + 2 * REAL, every=0.2)
    assert clock.now() - since <= IDLE + REAL * SPEED
    passed(place, IDLE)
    assert running(place) == [], "none is alive that starts it"

    made.restart("all")
    until(lambda: len(running(place)) == 1, 120, every=0.2)  # without a request
    assert sorted(place.instances()) == sorted(both)


def test_from_none_to_the_most_to_the_least(made: Ours) -> None:
    place = made.place
    place.ert("sleep", timeout=200)
    passed(place, IDLE)
    assert running(place) == [], "a person has requested sleep"
    to_the_most_and_back(made)
    (kept,) = running(place)
    passed(place, 2 * IDLE)
    assert running(place) == [kept]


def test_one_that_its_budget_has_stopped_sleeps_until_there_is_a_higher_one(tmp_path: Path, store: Server) -> None:
    limits = {"idle_stop": "2h", "hours": "2\n  slots: 1", "replicas": "  min: 1\n  max: 1"}
    with ours(tmp_path, store, 2 * SPEED, policy="  budget_per_month: 0.12", **limits) as made:
        place = made.place
        place.ert("up", timeout=300)
        until(lambda: not running(place), 200, every=0.2)
        until(lambda: machine(place)["cur_state"] == "stopped", REAL)
        assert place.data("status")["money"]["asleep"] == "budget"
        passed(place, 2 * IDLE)  # several looks
        assert not running(place)
        assert [one for one in place.data("events")["events"] if one["what"] in ("started", "failed")] == []
        said = ended(made.agent)
        assert said.count("the budget does not allow to start a GPU now") == 1, said
        config = tmp_path / CONFIG
        config.write_text(config.read_text().replace("budget_per_month: 0.12", "budget_per_month: 5"))
        made.restart("agent")
        until(lambda: len(running(place)) == 1, 120, every=0.2)
        ended(made.agent)
        place.ert("down", timeout=200)
        assert place.bill()["running"] == []

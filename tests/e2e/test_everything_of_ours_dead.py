"""With agent, app, Render and the store killed, in turn and together, an idle GPU stops and its money is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ert_deploy.core.ledger.model import DAY
from tests.support.agent.delivery import ask, is_delivered, logged_in
from tests.support.agent.ours import Ours, ended, machine, ours
from tests.support.dashboard.following import until
from tests.support.doubles import postgres
from tests.support.doubles.postgres import PASSWORD, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(580), pytest.mark.nightly]
SPEED = 30.0
IDLE = 10 * 60.0
REAL = 30.0  # real seconds that a guard on a busy machine gets to notice and to be obeyed
SLOTS = 2  # machines that a deployment of one may have


@pytest.fixture
def store() -> Iterator[Server]:
    """Run a database for one test, which kills it."""
    with postgres.running() as server:
        yield server


def is_stopped(made: Ours) -> bool:
    return bool(machine(made.place)["cur_state"] == "stopped")


def delivered(made: Ours) -> None:
    """Ask for a report once the app responds, and wait for it."""
    until(lambda: responds(made), 60)
    browser = logged_in(made.place)
    report = ask(made.place, browser)
    until(lambda: is_delivered(browser, report), 200)


def responds(made: Ours) -> bool:
    try:
        return requests.get(f"{made.place.world.app_url}/health", timeout=10).status_code == 200
    except requests.RequestException:
        return False


def within_bound(made: Ours, budget: float, began: float) -> None:
    """Compare the meter of the provider with the budget of every day that was touched."""
    bill, now = made.place.bill(), made.place.world.clock.now()
    rate = max(row["gpu_cost"] / row["gpu_seconds"] for row in bill["rows"] if row["gpu_seconds"])
    days = now // DAY - began // DAY + 1
    most = budget * days + SLOTS * rate * 60.0 * SPEED + bill["totals"]["storage"] + bill["totals"]["download"]
    assert bill["totals"]["all"] <= most, bill


def test_killed_in_turn_and_together_the_idle_gpu_stops_and_a_report_is_delivered(
    tmp_path: Path, store: Server
) -> None:
    limits = {"idle_stop": "10m", "policy": "  budget_per_day: 1.00\n  wakes_per_hour: 20"}
    with ours(tmp_path, store, SPEED, **limits) as made:
        clock = made.place.world.clock
        began = clock.now()
        made.place.ert("up")
        before = made.place.instances()
        for whom in ("agent", "dashboard", "render", "store", "all"):
            made.kill(whom)
            since = clock.now()
            until(lambda: is_stopped(made), 90)
            assert clock.now() - since <= IDLE + REAL * SPEED, whom
            within_bound(made, 1.00, began)
            made.restart(whom)
            delivered(made)
        assert made.place.instances() == before
        said = ended(made.agent)
        assert PASSWORD not in said
        assert "Traceback" not in said
        made.place.ert("down")
        assert made.place.bill()["running"] == []


def test_a_budget_holds_with_everything_killed_although_the_machine_would_run_on(tmp_path: Path, store: Server) -> None:
    with ours(tmp_path, store, SPEED, idle_stop="2h", policy="  budget_per_day: 0.10") as made:
        began = made.place.world.clock.now()
        made.place.ert("up")
        made.kill("all")
        until(lambda: is_stopped(made), 200)
        within_bound(made, 0.10, began)
        (row,) = made.place.bill()["rows"]
        assert row["gpu_seconds"] < 2 * 3600, "it was the idle time, not the budget"
        made.restart("all")
        ended(made.agent)
        made.place.ert("down")
        assert made.place.bill()["running"] == []


def test_agent_and_app_killed_during_a_wake_are_one_start(tmp_path: Path, store: Server) -> None:
    with ours(tmp_path, store, SPEED) as made:
        made.place.ert("up")
        made.place.ert("sleep")
        before = made.place.instances()
        browser = logged_in(made.place)
        report = ask(made.place, browser)
        until(lambda: machine(made.place)["intended_status"] == "running", 60)
        made.kill("dashboard")
        made.kill("agent")
        made.restart("agent")
        until(lambda: is_delivered(browser, report), 200)
        starts = [one["what"] for one in made.place.data("events")["events"]].count("started")
        assert (starts, made.place.instances()) == (1, before)
        ended(made.agent)
        made.place.ert("down")

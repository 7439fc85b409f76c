"""The button: without a login only a visitor's request wakes the GPU, within a limit that all processes share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard, create_dashboard
from ert_dashboard.web.wake_api import WANTED_S
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.dashboard.manual_clock import WoundClock
from tests.support.dashboard.waking import agent_of, hurry
from tests.support.doubles.agent import KEY, WAKING, AgentDouble, Refusal

Start = Callable[[dict[str, str]], Dashboard]
BUTTON = "the backend is asleep: the button `Wake the GPU` wakes it"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def agent(backend: FakeBackend) -> Iterator[AgentDouble]:
    with agent_of(backend) as found:
        yield found


def press(client: Any) -> Any:
    return client.post("/api/wake", json={})


def wanted(dashboard: Dashboard) -> bool:
    return dashboard.service.store.waker.wanted(time.time())


def test_a_report_of_a_stranger_wakes_nothing_until_the_button_is_pressed(
    environ: dict[str, str], start: Start, agent: AgentDouble
) -> None:
    dashboard = start({**environ, **agent.environ()})
    client: Any = dashboard.app.test_client()
    report_id = ask(client)
    until(lambda: data(client, report_id)["current_section"] == f"Waiting: {BUTTON}")
    found = client.get("/api/deployment").json
    assert (found["state"], found["detail"]) == ("asleep", BUTTON)
    assert (found["wake"]["automatic"], found["wake"]["button"], found["wake"]["wanted"]) == (False, True, False)
    assert agent.wakes == 0
    pressed = press(client)
    assert (pressed.status_code, pressed.json) == (200, {"success": True, "message": "the GPU is being woken"})
    assert ended(client, report_id)["status"] == "completed"
    until(lambda: not wanted(dashboard))
    assert [entry["what"] for entry in client.get("/api/audit").json["entries"]] == ["wake"]


def test_the_limit_is_of_all_processes_and_repeats_are_free(
    environ: dict[str, str], start: Start, agent: AgentDouble
) -> None:
    agent.refusals = [Refusal(409, "budget", "the day's budget is spent")]
    given = {**environ, **agent.environ(), "ERT_DASHBOARD_WAKES_PER_HOUR": "2"}
    one, other = start(given), start(given)
    for dashboard in (one, other):
        assert press(dashboard.app.test_client()).status_code == 200
        until(lambda: not wanted(one))
    refused = press(one.app.test_client())
    assert refused.status_code == 429
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    client: Any = other.app.test_client()
    assert client.get("/api/deployment").json["wake"]["problem"] == "the GPU is not woken: the day's budget is spent"


def test_a_second_press_is_the_same_request(environ: dict[str, str], start: Start, agent: AgentDouble) -> None:
    agent.wakes_needed = 10**6
    client: Any = start({**environ, **agent.environ(), "ERT_DASHBOARD_WAKES_PER_HOUR": "1"}).app.test_client()
    assert [press(client).status_code for _ in range(5)] == [200] * 5
    until(lambda: agent.wakes >= 2)
    found = client.get("/api/deployment").json
    assert (found["state"], found["detail"]) == ("waking", "the GPU is being woken: loading the model")
    shown = {name: found["wake"][name] for name in ("phase", "stage", "progress", "eta_p50_seconds", "eta_p95_seconds")}
    assert shown == {"phase": "waking", "stage": "load", "progress": 0.5, "eta_p50_seconds": 80, "eta_p95_seconds": 240}
    assert (found["wake"]["price_per_hour_usd"], found["wake"]["cost_to_ready_usd"]) == (0.31, 0.02)
    assert len(client.get("/api/audit").json["entries"]) == 1
    assert KEY not in client.get("/api/deployment").text


def test_the_request_of_a_visitor_ends(environ: dict[str, str], agent: AgentDouble) -> None:
    agent.wakes_needed = 10**6
    clock = WoundClock()
    dashboard = create_dashboard(read_settings({**environ, **agent.environ()}), clock=clock)
    try:
        press(dashboard.app.test_client())
        assert dashboard.service.store.waker.wanted(clock.wall())
        clock.go(WANTED_S + 1)
        assert not dashboard.service.store.waker.wanted(clock.wall())
    finally:
        dashboard.close()


def test_a_forged_state_is_told_and_not_shown(environ: dict[str, str], start: Start, agent: AgentDouble) -> None:
    agent.state.update(WAKING)
    agent.signing_key = f"{KEY}x"
    client: Any = start({**environ, **agent.environ()}).app.test_client()
    found = client.get("/api/deployment").json
    assert (found["state"], found["wake"]["phase"], found["wake"]["price_per_hour_usd"]) == ("asleep", None, None)
    assert found["wake"]["problem"] == "the agent's state is not signed with the key of this dashboard"


@pytest.mark.parametrize("phase", ["failed", "gone", "unknown", "asleep"])
def test_the_agents_reason_is_told_where_it_is_a_problem(
    environ: dict[str, str], start: Start, agent: AgentDouble, phase: str
) -> None:
    agent.state.update(phase=phase, reason="nothing is rented")
    client: Any = start({**environ, **agent.environ()}).app.test_client()
    problem = client.get("/api/deployment").json["wake"]["problem"]
    assert problem == (None if phase == "asleep" else "nothing is rented")


@pytest.mark.parametrize("per_hour", ["0", "2"])
def test_the_button_can_be_switched_off(
    environ: dict[str, str], start: Start, agent: AgentDouble, per_hour: str
) -> None:
    client: Any = start({**environ, **agent.environ(), "ERT_DASHBOARD_WAKES_PER_HOUR": per_hour}).app.test_client()
    assert client.get("/api/deployment").json["wake"]["button"] is (per_hour == "2")
    assert press(client).status_code == (200 if per_hour == "2" else 409)


def test_a_backend_that_is_ready_costs_no_request(environ: dict[str, str], start: Start, agent: AgentDouble) -> None:
    agent.woken()
    agent.state["phase"] = "ready"
    client: Any = start({**environ, **agent.environ(), "ERT_DASHBOARD_WAKES_PER_HOUR": "1"}).app.test_client()
    assert {press(client).json["message"] for _ in range(3)} == {"the backend is ready"}
    assert client.get("/api/audit").json["entries"] == []
    assert agent.wakes == 0


def test_other_sites_cannot_press_it(environ: dict[str, str], start: Start, agent: AgentDouble) -> None:
    client: Any = start({**environ, **agent.environ()}).app.test_client()
    assert client.post("/api/wake", json={}, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.post("/api/wake").status_code == 415
    assert agent.wakes == 0

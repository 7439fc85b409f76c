"""Wake on demand: a report that is asked for while the backend sleeps has the agent wake it, once for all that wait."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_dashboard.reports import waker
from ert_dashboard.storage.waker_row import PROBLEM_S
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.dashboard.processes import web_process
from tests.support.dashboard.waking import agent_of, hurry
from tests.support.doubles.agent import KEY, AgentDouble, Refusal

Start = Callable[[dict[str, str]], Dashboard]
LOGIN = {"ERT_DASHBOARD_LOGIN_HEADER": "X-User", "ERT_DASHBOARD_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def agent(backend: FakeBackend) -> Iterator[AgentDouble]:
    with agent_of(backend) as found:
        yield found


def visitor(dashboard: Dashboard) -> Any:
    client = dashboard.app.test_client()
    client.environ_base["HTTP_X_USER"] = "somebody"
    return client


def says(client: Any, report_id: str) -> str:
    return str(data(client, report_id)["current_section"])


def test_a_report_wakes_the_gpu_and_is_written(
    environ: dict[str, str], start: Start, agent: AgentDouble, caplog: pytest.LogCaptureFixture
) -> None:
    agent.wakes_needed = 3
    client = visitor(start({**environ, **LOGIN, **agent.environ()}))
    report_id = ask(client)
    until(lambda: says(client, report_id) == "Waiting: the GPU is being woken")
    assert ended(client, report_id)["status"] == "completed"
    assert agent.wakes >= 3
    asked = agent.wakes
    assert client.get("/api/deployment").json["state"] == "ready"
    assert agent.wakes - asked <= 1, "the requests go on after the report was taken"
    assert KEY not in caplog.text


def test_fifty_waiting_reports_are_one_series_of_requests(
    environ: dict[str, str], start: Start, agent: AgentDouble, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waker, "EVERY_S", 0.4)
    agent.wakes_needed = 4
    limits = {"ERT_DASHBOARD_REPORTS_PER_HOUR": "0", "ERT_DASHBOARD_WORKERS": "4"}
    first = start({**environ, **LOGIN, **agent.environ(), **limits})
    start({**environ, **LOGIN, **agent.environ(), **limits})  # another process on the same store
    client = visitor(first)
    ids = [ask(client) for _ in range(50)]
    until(lambda: agent.state["phase"] == "ready", 20)
    gaps = [later - earlier for earlier, later in itertools.pairwise(agent.times)]
    assert len(gaps) == 3
    assert min(gaps) > 0.75 * 0.4, "two series, or one for each report"
    until(lambda: len(backend.reports) == 50, 20)
    assert {ended(client, report_id, 20)["status"] for report_id in ids} == {"completed"}


@pytest.mark.parametrize(
    ("refusal", "says_why"),
    [
        (Refusal(429, "wakes_per_hour", "6 machines were started in this hour", 1), "6 machines were started"),
        (Refusal(409, "budget", "the day's budget is spent"), "the day's budget is spent"),
    ],
)
def test_a_refused_wake_is_told_and_the_report_waits(
    environ: dict[str, str], start: Start, agent: AgentDouble, refusal: Refusal, says_why: str
) -> None:
    agent.refusals = [refusal]
    client = visitor(start({**environ, **LOGIN, **agent.environ()}))
    report_id = ask(client)
    told = f"the GPU is not woken: {refusal.error}"
    until(lambda: says(client, report_id) == f"Waiting: {told}")
    assert says_why in told
    assert client.get("/api/deployment").json["wake"]["problem"] == told
    agent.refusals = []
    assert ended(client, report_id)["status"] == "completed"


def test_the_agent_names_the_time_of_the_next_request(
    environ: dict[str, str], start: Start, agent: AgentDouble
) -> None:
    agent.refusals = [Refusal(429, "wakes_per_hour", "6 machines were started", 600)]
    client = visitor(start({**environ, **LOGIN, **agent.environ(), "ERT_DASHBOARD_WAKE_WAIT": "1"}))
    done = ended(client, ask(client))
    assert (done["status"], done["error_message"]) == (
        "failed",
        "the backend did not become ready in time: the GPU is not woken: 6 machines were started",
    )
    assert agent.wakes == 1


def test_a_problem_is_told_as_long_as_it_lasts_and_not_longer(
    environ: dict[str, str], start: Start, agent: AgentDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waker, "_AGAIN_S", 0.1)
    agent.refusals = [Refusal(429, "wakes_per_hour", "6 machines were started", 600)]
    first = start({**environ, **LOGIN, **agent.environ()})
    row, client = first.service.store.waker, visitor(first)
    report_id = ask(client)
    until(lambda: row.problem(time.time()))
    later = time.time() + PROBLEM_S + 0.3
    assert until(lambda: row.problem(later)), "it fades while the agent's pause lasts"
    assert agent.wakes == 1
    first.close()
    agent.refusals, agent.wakes_needed = [], 10**6
    client = visitor(start({**environ, **LOGIN, **agent.environ()}))
    until(lambda: says(client, report_id) == "Waiting: the GPU is being woken")
    agent.wakes_needed = 0
    assert ended(client, report_id)["status"] == "completed"


def test_the_agent_is_killed_in_the_middle_and_comes_back(
    environ: dict[str, str], start: Start, agent: AgentDouble
) -> None:
    agent.wakes_needed = 3
    client = visitor(start({**environ, **LOGIN, **agent.environ()}))
    report_id = ask(client)
    until(lambda: agent.wakes >= 1)
    agent.kill()
    until(lambda: says(client, report_id) == "Waiting: the GPU is not woken: the agent cannot be reached")
    agent.start()
    assert ended(client, report_id)["status"] == "completed"


def test_an_agent_that_is_never_there_is_no_worse_than_none(
    environ: dict[str, str], start: Start, agent: AgentDouble, backend: FakeBackend
) -> None:
    agent.kill()
    client = visitor(start({**environ, **LOGIN, **agent.environ()}))
    report_id = ask(client)
    until(lambda: "the agent cannot be reached" in says(client, report_id))
    found = client.get("/api/deployment").json
    assert (found["state"], found["wake"]["phase"]) == ("asleep", None)
    backend.wake()
    assert ended(client, report_id)["status"] == "completed"
    agent.start()
    agent.state["phase"] = "ready"


def test_the_machine_is_lost_in_the_middle_of_a_report(
    environ: dict[str, str], start: Start, agent: AgentDouble, backend: FakeBackend
) -> None:
    backend.wake()
    backend.held = True
    client = visitor(start({**environ, **LOGIN, **agent.environ()}))
    report_id = ask(client)
    until(lambda: backend.reports.get(report_id)).write(2)
    until(lambda: data(client, report_id)["sections_done"] == 2)
    assert agent.wakes == 0
    backend.closing.set()
    backend.sleep()
    backend.reports.clear()
    backend.held = False
    backend.closing.clear()
    done = ended(client, report_id)
    assert (done["status"], done["sections_done"]) == ("completed", 5)
    assert list(backend.reports) == [f"{report_id}-m1"], "the first two sections are there already"
    assert len(backend.only().request["sections"]) == 3
    assert agent.wakes >= 1


def test_the_dashboard_is_killed_while_it_wakes_and_the_next_one_goes_on(
    environ: dict[str, str], start: Start, agent: AgentDouble, tmp_path: Path
) -> None:
    agent.wakes_needed = 10**6
    given = {**environ, **agent.environ(), **LOGIN}
    with web_process(given, tmp_path / "first") as first:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{first.port}", headers={"X-User": "somebody"}, trust_env=False
        ) as browser:
            report_id = browser.post("/api/generate", json={"ticker": "AAPL"}).json()["report_id"]
        until(lambda: agent.wakes >= 1)
        first.kill()
    assert KEY not in first.log
    before = agent.wakes
    client = visitor(start(given))
    until(lambda: agent.wakes > before)
    agent.wakes_needed = 0
    assert ended(client, report_id)["status"] == "completed"


def test_without_an_agent_nothing_has_changed(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    client = visitor(start({**environ, **LOGIN}))
    assert client.get("/api/deployment").json["wake"] is None
    refused = client.post("/api/wake", json={})
    assert (refused.status_code, refused.json["error"]) == (
        409,
        "this dashboard has nothing that could wake the GPU (ERT_AGENT_URL or ERT_WAKE_WORKFLOW)",
    )

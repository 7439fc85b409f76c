"""Waking by a GitHub workflow, without an agent: one run per waiting period, and clear words for each error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ert_dashboard.backend import workflow_client
from ert_dashboard.backend.agent_client import Wake
from ert_dashboard.backend.workflow_client import APPEARS_S, HOLDS_S, PERIOD_S, WorkflowClient
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason
from ert_dashboard.base.workflow import GITHUB, read_workflow
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.dashboard.manual_clock import WoundClock
from tests.support.dashboard.waking import hurry
from tests.support.doubles.github import EPOCH, REPOSITORY, TOKEN, GitHub, Run
from tests.support.doubles.scripted_http import Answer, scripted

Start = Callable[[dict[str, str]], Dashboard]
LOGIN = {"ERT_DASHBOARD_LOGIN_HEADER": "X-User", "ERT_DASHBOARD_TRUSTED_PROXIES": "127.0.0.1"}
GIVEN = {"ERT_WAKE_WORKFLOW": "me/my-repo/deploy.yml@main", "ERT_WAKE_TOKEN": TOKEN}
URL = f"https://github.example/{REPOSITORY}/actions/runs/1"
ROW = {
    "status": "queued", "conclusion": None, "html_url": URL,
    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture
def github() -> Iterator[GitHub]:
    found = GitHub()
    yield found
    found.close()


class Asking:
    """A client of the double whose clock, and that of GitHub, go on together."""

    def __init__(self, github: GitHub, **changes: Any) -> None:
        self.github, self.clock = github, WoundClock()
        found = read_workflow(github.environ(), preview=False)
        assert found is not None
        self.client = WorkflowClient(replace(found, **changes), self.clock)

    def __call__(self, after: float = 0.0) -> Wake:
        self.clock.go(after)
        self.github.now += after
        with Interrupt() as interrupt:
            return self.client.wake(interrupt)


@pytest.fixture
def asking(github: GitHub) -> Iterator[Asking]:
    made = Asking(github)
    yield made
    made.client.close()


def test_a_waiting_period_is_one_run_however_often_it_is_asked_for(github: GitHub, asking: Asking) -> None:
    github.hides = 1
    assert asking() == Wake(after=15.0)
    assert [asking(5.0) for _ in range(4)] == [Wake(after=15.0)] * 4  # it is not listed yet
    github.hides = 0
    for status in ("queued", "pending", "in_progress"):
        github.runs[0].status = status
        assert [asking(15.0) for _ in range(3)] == [Wake(after=15.0)] * 3
    github.end(github.runs[0])
    assert asking(15.0) == Wake(ready=True, after=15.0)
    assert asking(60.0).ready
    assert [run.inputs for run in github.runs] == [{"command": "wake"}]
    assert github.asked.count("POST dispatches") == 1


def test_the_next_waiting_period_is_another_run(github: GitHub, asking: Asking) -> None:
    asking()
    github.end(github.runs[0])
    assert asking(15.0).ready
    assert not asking(2 * PERIOD_S + 1).ready
    assert len(github.runs) == 2


def test_a_run_that_ended_well_without_a_backend_is_followed_by_another_only_much_later(
    github: GitHub, asking: Asking
) -> None:
    asking()
    github.end(github.runs[0])
    for _ in range(int(HOLDS_S / 60.0)):
        assert asking(60.0).ready
    asking(60.0)
    assert len(github.runs) == 2


def test_a_restart_and_a_run_by_hand_make_no_run_more(github: GitHub) -> None:
    first, second = Asking(github), Asking(github)
    first()
    second()
    assert len(github.runs) == 1
    github.end(github.runs[0])
    assert Asking(github)().ready
    github.runs.append(Run(2, github.now, {"command": "up"}, "in_progress"))
    assert Asking(github)() == Wake(after=15.0)
    assert len(github.runs) == 2


def test_a_run_that_failed_is_named_and_not_repeated_in_its_period(github: GitHub, asking: Asking) -> None:
    asking()
    github.end(github.runs[0], "failure")
    assert asking(15.0) == Wake(problem=f"the workflow finished with 'failure': {URL}", lasting=True, after=60.0)
    assert asking(60.0).lasting
    assert not asking(3 * PERIOD_S).problem  # another request, minutes later
    assert len(github.runs) == 2


def test_a_run_that_waits_for_an_approval_is_said(github: GitHub, asking: Asking) -> None:
    asking()
    github.runs[0].status = "waiting"
    assert asking(15.0) == Wake(problem=f"the workflow needs an approval: {URL}", after=60.0)


def test_the_runs_of_an_hour_are_limited_whoever_started_them(github: GitHub) -> None:
    asking = Asking(github, runs_per_hour=3)
    for ago in (3599.0, 1800.0, 1200.0):
        github.runs.append(Run(len(github.runs) + 1, EPOCH - ago))
        github.end(github.runs[-1])
        github.runs[-1].changed = EPOCH - ago
    refused = asking()
    assert refused.problem == "deploy.yml was started 3 times in the last hour, 3 are allowed"
    assert refused.after == 15.0
    assert not asking(2.0).problem
    assert len(github.runs) == 4
    github.end(github.runs[-1], "failure")
    assert asking(HOLDS_S + PERIOD_S + 1).after == pytest.approx(1800.0 - HOLDS_S - PERIOD_S - 3)


def test_a_start_that_is_never_listed_is_tried_again(github: GitHub, asking: Asking) -> None:
    github.hides = 10
    asking()
    assert not asking(APPEARS_S - 1).problem
    assert len(github.runs) == 1
    asking(2.0)
    assert len(github.runs) == 2


@pytest.mark.parametrize(
    ("answer", "problem", "lasting"),
    [
        ((401, {"message": "Bad credentials"}, {}), "it is wrong, expired or revoked (ERT_WAKE_TOKEN)", True),
        ((403, {"message": "Resource not accessible"}, {}), "it needs Actions (read and write) of me/my-repo", True),
        ((403, {}, {"X-RateLimit-Remaining": "0"}), "takes no more requests with this token for now", False),
        ((403, {}, {"Retry-After": "40"}), "takes no more requests", False),
        ((429, {}, {}), "takes no more requests", False),
        ((404, {"message": "Not Found"}, {}), "GitHub knows no deploy.yml in me/my-repo, or the token", True),
        ((422, {"message": "Workflow does not have it"}, {}), "on main with the inputs command: Workflow does", True),
        ((301, {"message": "Moved Permanently"}, {"Location": "/elsewhere"}), "me/my-repo was renamed or moved", True),
        ((500, {}, {}), "at the moment (HTTP 500)", False),
        ((502, "<html>", {}), "at the moment (HTTP 502)", False),
        ((503, {}, {"Retry-After": "7"}), "at the moment (HTTP 503)", False),
    ],
)  # fmt: skip
def test_each_refusal_has_its_words(github: GitHub, asking: Asking, answer: Any, problem: str, lasting: bool) -> None:
    github.answers = [(200, github.listed(), {}), answer]
    found = asking()
    assert problem in found.problem
    assert found.lasting is lasting
    assert github.runs == []
    assert TOKEN not in found.problem
    assert github.asked[-1] == "POST dispatches", "a redirect was followed"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"workflow_runs": None},
        {"workflow_runs": [{}]},
        {"workflow_runs": [ROW | {"html_url": "javascript:x"}]},
        {"workflow_runs": [ROW | {"created_at": "2026-01-01T00:00:00"}]},
        {"workflow_runs": [ROW | {"updated_at": None}]},
        {"workflow_runs": [ROW | {"conclusion": 5}]},
    ],
)
def test_a_list_that_cannot_be_read_starts_nothing(github: GitHub, asking: Asking, body: Any) -> None:
    github.answers = [(200, body, {})]
    assert asking().problem == "GitHub's list of runs cannot be read"
    assert github.runs == []


def test_a_real_token_without_rights_or_for_another_repository(github: GitHub) -> None:
    github.permitted = False
    assert "it needs Actions (read and write)" in Asking(github)().problem
    assert "GitHub knows no deploy.yml in me/other" in Asking(github, repository="me/other")().problem
    github.permitted = True
    assert "No ref found for: gone" in Asking(github, ref="gone")().problem
    assert github.runs == []


def test_a_server_that_is_away_silent_or_endless(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(workflow_client, "CALL_S", 0.3)
    path = f"GET /repos/{REPOSITORY}/actions/workflows/deploy.yml/runs"
    for trouble in (Answer(200, b"x" * 1000, trickle=0.1), Answer(200, endless=0.05), Answer(200, b"x" * 3_000_000)):
        with scripted({path: trouble}) as script:
            found = Asking(github, api=script.url)()
        assert found.problem in ("GitHub does not respond in time", "GitHub sends a response that is too large")
    assert Asking(github, api="http://127.0.0.1:9")().problem == "GitHub cannot be reached"
    assert TOKEN not in caplog.text


def test_a_call_ends_with_its_process(asking: Asking) -> None:
    with Interrupt() as interrupt:
        interrupt.cut(Reason.CLOSING)
        with pytest.raises(Interrupted):
            asking.client.wake(interrupt)


def test_settings() -> None:
    found = read_workflow(GIVEN, preview=False)
    assert found is not None
    assert (found.repository, found.file, found.ref, found.api) == ("me/my-repo", "deploy.yml", "main", GITHUB)
    assert (dict(found.inputs), found.runs_per_hour, found.wakes_per_hour) == ({"command": "wake"}, 6, 2)
    assert TOKEN not in repr(found)
    given = {**GIVEN, "ERT_WAKE_INPUTS": '{"command": "wake", "config": "ert"}', "ERT_WAKE_RUNS_PER_HOUR": "2"}
    other = read_workflow({**given, "ERT_WAKE_API": "https://github.example.org/api/v3/"}, preview=False)
    assert other is not None
    assert (other.api, other.runs_per_hour) == ("https://github.example.org:443/api/v3", 2)
    assert dict(other.inputs) == {"command": "wake", "config": "ert"}
    assert read_workflow(GIVEN, preview=True) is None
    assert read_workflow({}, preview=False) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ERT_WAKE_TOKEN": TOKEN}, "ERT_WAKE_TOKEN is set without ERT_WAKE_WORKFLOW"),
        ({"ERT_WAKE_INPUTS": "{}"}, "ERT_WAKE_INPUTS is set without"),
        ({"ERT_WAKE_WORKFLOW": "me/my-repo/deploy.yml@main"}, "needs ERT_WAKE_TOKEN"),
        ({**GIVEN, "ERT_WAKE_TOKEN": "short"}, "16 to 512"),
        ({**GIVEN, "ERT_WAKE_WORKFLOW": "me/my-repo/deploy.yml"}, "OWNER/REPOSITORY/FILE.yml@BRANCH"),
        ({**GIVEN, "ERT_WAKE_WORKFLOW": "me/my-repo/../x.yml@main"}, "OWNER/REPOSITORY"),
        ({**GIVEN, "ERT_WAKE_WORKFLOW": "me/my-repo/a.yml@x/../y"}, "OWNER/REPOSITORY"),
        ({**GIVEN, "ERT_WAKE_INPUTS": "[]"}, "JSON object"),
        ({**GIVEN, "ERT_WAKE_INPUTS": '{"command": 1}'}, "JSON object"),
        ({**GIVEN, "ERT_WAKE_INPUTS": "no"}, "JSON object"),
        ({**GIVEN, "ERT_WAKE_API": "http://api.example.org"}, "https://HOST"),
        ({**GIVEN, "ERT_WAKE_API": "https://api.example.org/other"}, "https://HOST"),
        ({**GIVEN, "ERT_WAKE_RUNS_PER_HOUR": "0"}, "between 1 and 20"),
        ({**GIVEN, "ERT_AGENT_URL": "https://agent.example.org", "ERT_AGENT_KEY": "k" * 32}, "both set"),
    ],
)
def test_half_a_configuration_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(BadSetting, match=message) as error:
        read_settings(given)
    assert TOKEN not in str(error.value)


def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    for name in ("AGAIN_S", "LATER_S"):
        monkeypatch.setattr(workflow_client, name, 1.0)


def woken(github: GitHub, backend: FakeBackend) -> Callable[[Run], None]:
    """Return a run that wakes the backend and ends well at once."""

    def works(run: Run) -> None:
        github.end(run)
        backend.wake()

    return works


def test_a_report_behind_a_login_is_delivered_after_one_run(
    environ: dict[str, str], start: Start, github: GitHub, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    quickly(monkeypatch)

    github.started = woken(github, backend)
    backend.sleep()
    dashboard = start({**environ, **LOGIN, **github.environ()})
    client: Any = dashboard.app.test_client()
    client.environ_base["HTTP_X_USER"] = "me"
    assert client.get("/api/deployment").json["wake"]["automatic"] is True
    assert ended(client, ask(client))["status"] == "completed"
    assert [run.inputs for run in github.runs] == [{"command": "wake"}]
    assert TOKEN not in client.get("/api/deployment").text


def test_without_a_login_the_button_starts_it_and_a_refusal_is_on_the_page(
    environ: dict[str, str], start: Start, github: GitHub, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    quickly(monkeypatch)
    github.permitted = False
    backend.sleep()
    dashboard = start({**environ, **github.environ()})
    client: Any = dashboard.app.test_client()
    report = ask(client)
    until(lambda: "the button `Wake the GPU` wakes it" in data(client, report)["current_section"])
    assert github.asked == []
    assert client.post("/api/wake", json={}).status_code == 200
    until(lambda: "the token may not start" in (client.get("/api/deployment").json["wake"]["problem"] or ""))
    until(lambda: not dashboard.service.store.waker.wanted(dashboard.service.clock.wall()))
    until(lambda: "it needs Actions (read and write) of me/my-repo" in data(client, report)["current_section"])
    github.permitted = True
    github.started = woken(github, backend)
    assert client.post("/api/wake", json={}).status_code == 200
    assert ended(client, report)["status"] == "completed"
    assert len(github.runs) == 1
    until(lambda: dashboard.service.probe.look().ready)
    assert client.post("/api/wake", json={}).json["message"] == "the backend is ready"

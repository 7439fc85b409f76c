"""Web processes queue and read, a worker writes: aborts and repeated requests reach it from any of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.__main__ import main
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.shared import Role
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.emptied import emptied
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.doubles.agent import AgentDouble
from tests.support.doubles.postgres import Server

Start = Callable[[dict[str, str]], Dashboard]
IMAGE = Path(__file__).parents[2] / "images" / "dashboard"


@pytest.fixture(scope="module")
def one_database(database: Server) -> str:
    return database.url(database.database())


@pytest.fixture
def kept(backend: FakeBackend, tmp_path: Path, one_database: str) -> dict[str, str]:
    """Return the environment of a dashboard with an empty database."""
    environ = complete(backend, tmp_path, timeout_s=300)
    return {**environ, "DATABASE_URL": emptied(one_database), "ERT_DASHBOARD_LEASE": "60"}


def web(kept: dict[str, str]) -> dict[str, str]:
    return {**kept, "ERT_DASHBOARD_ROLE": "web"}


def test_a_web_process_queues_and_a_worker_writes(kept: dict[str, str], start: Start, backend: FakeBackend) -> None:
    page: Any = start(web(kept)).app.test_client()
    ids = [ask(page), ask(page)]
    assert data(page, ids[1])["queue_position"] == 1
    assert page.get("/api/status").json["queue_size"] == 2
    assert backend.reports == {}
    start({**kept, "ERT_DASHBOARD_ROLE": "worker"})
    assert {ended(page, report_id)["status"] for report_id in ids} == {"completed"}
    assert sorted(backend.reports) == sorted(ids)


def test_a_report_is_aborted_from_any_process(kept: dict[str, str], start: Start, backend: FakeBackend) -> None:
    backend.held = True
    one, other = start(web(kept)).app.test_client(), start(web(kept)).app.test_client()
    start({**kept, "ERT_DASHBOARD_ROLE": "worker", "ERT_DASHBOARD_WORKERS": "1"})
    written, waiting = ask(one), ask(one)
    until(lambda: written in backend.reports)
    aborted: Any = other.post(f"/api/reports/{waiting}/abort", json={})
    assert (aborted.status_code, data(one, waiting)["status"]) == (200, "aborted")
    assert other.post("/api/abort", json={}).json["aborted"] == [written]  # type: ignore[index]
    assert ended(one, written)["status"] == "aborted"
    until(lambda: backend.deleted == [written])
    assert other.post(f"/api/reports/{written}/abort", json={}).status_code == 409


def test_what_is_aborted_while_its_process_is_gone_is_not_resumed(
    kept: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    page = start(web(kept)).app.test_client()
    worker = start(kept)
    report_id = ask(page)
    until(lambda: report_id in backend.reports)
    worker.close()
    assert page.post(f"/api/reports/{report_id}/abort", json={}).status_code == 200
    assert data(page, report_id)["status"] == "aborting"
    start(kept)
    assert ended(page, report_id)["status"] == "aborted"
    assert len(backend.posts()) == 1


def test_a_repeated_request_is_one_report(kept: dict[str, str], start: Start, backend: FakeBackend) -> None:
    clients = [start(web(kept)).app.test_client() for _ in range(2)]

    def post(ticker: str, key: str) -> Any:
        client: Any = clients.pop(0)
        clients.append(client)
        return client.post("/api/generate", json={"ticker": ticker}, headers={"Idempotency-Key": key})

    first = post("AAPL", "click-0001").json["report_id"]
    assert [post("AAPL", "click-0001").json["report_id"] for _ in range(3)] == [first] * 3
    assert post("AAPL", "click-0002").json["report_id"] != first
    assert post("MSFT", "click-0001").status_code == 409
    assert [post("AAPL", key).status_code for key in ("short", "a space in it", "x" * 65)] == [400] * 3
    start(kept)
    assert ended(clients[0], first)["status"] == "completed"
    assert post("AAPL", "click-0001").json["report_id"] == first
    assert len(clients[0].get("/api/reports").json["reports"]) == 2  # type: ignore[index]


def test_a_repeated_request_is_answered_while_the_queue_is_full(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    client: Any = start({**environ, "MAX_QUEUE_SIZE": "1", "ERT_DASHBOARD_WORKERS": "1"}).app.test_client()
    first = ask(client)
    until(lambda: first in backend.reports)
    keyed = {"headers": {"Idempotency-Key": "click-0001"}, "json": {"ticker": "MSFT"}}
    waiting = client.post("/api/generate", **keyed).json["report_id"]
    assert client.post("/api/generate", json={"ticker": "MSFT"}).status_code == 429
    assert client.post("/api/generate", **keyed).json["report_id"] == waiting


@pytest.mark.parametrize("role", ["web", "worker"])
def test_half_a_dashboard_needs_a_database(environ: dict[str, str], role: str) -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL"):
        read_settings({**environ, "ERT_DASHBOARD_ROLE": role})
    with pytest.raises(BadSetting, match="web, worker or all"):
        read_settings({**environ, "ERT_DASHBOARD_ROLE": "both"})
    assert read_settings({**environ, "ERT_DASHBOARD_ROLE": role, "IS_PULL_REQUEST": "true"}).role is Role.ALL


@pytest.mark.e2e
def test_the_worker_command_writes_reports_and_stops_at_once(
    kept: dict[str, str], start: Start, backend: FakeBackend, tmp_path: Path
) -> None:
    page: Any = start(web(kept)).app.test_client()
    inherited = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "ert_dashboard", "--role", "worker"]
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(command, cwd=IMAGE, env={**inherited, **kept}, stdout=log, stderr=log)
    try:
        written = ask(page)
        until(lambda: written in backend.reports, 60)
        assert ended(page, written)["status"] == "completed"
        backend.held = True
        left = ask(page)
        until(lambda: left in backend.reports)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said
    assert KEY not in said
    backend.reports[left].write(5)
    backend.reports[left].finish()
    start(kept)
    assert ended(page, left)["status"] == "completed"
    assert backend.deleted == []


def test_the_command_says_what_is_wrong(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ERT_DASHBOARD_ROLE", "all")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["--role", "worker"]) == 2
    assert "ERT_DASHBOARD_ROLE=worker needs DATABASE_URL" in capsys.readouterr().err
    for options, said in ((["--role", "both"], "invalid choice"), (["more"], "unrecognized")):
        with pytest.raises(SystemExit) as stopped:
            main(options)
        assert (stopped.value.code, said in capsys.readouterr().err) == (2, True)


def test_the_next_process_wakes_the_gpu_when_the_lease_of_the_one_that_did_has_ended(
    kept: dict[str, str], start: Start, backend: FakeBackend, database: Server, one_database: str
) -> None:
    agent = AgentDouble(wakes_needed=10**6, woken=backend.wake)
    backend.sleep()
    login = {"ERT_DASHBOARD_LOGIN_HEADER": "X-User", "ERT_DASHBOARD_TRUSTED_PROXIES": "127.0.0.1"}
    try:
        first, second = (start({**kept, **login, **agent.environ(), "ERT_DASHBOARD_WORKERS": "1"}) for _ in range(2))
        page: Any = first.app.test_client()
        page.environ_base["HTTP_X_USER"] = "somebody"
        ids = [ask(page), ask(page)]
        until(lambda: agent.wakes > 0 and all(data(page, report_id)["start_time"] for report_id in ids))
        owner = "SELECT owner FROM ert_waker"
        name = one_database.rpartition("/")[2]
        ((before,),) = database.execute(owner, name)
        assert before in (first.service.store.owner, second.service.store.owner)
        database.execute(f"UPDATE ert_processes SET expires = now() - interval '1 s' WHERE owner = '{before}'", name)
        until(lambda: database.execute(owner, name) != [(before,)])
        agent.wakes_needed = 0
        assert {ended(page, report_id, 30)["status"] for report_id in ids} == {"completed"}
    finally:
        agent.kill()
        if agent.state["phase"] != "ready":
            backend.wake()

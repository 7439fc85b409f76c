"""Two web processes and a worker behind a round robin, on a real PostgreSQL and a real Redis or Valkey.

`ERT_SEVERAL_READS` and `ERT_SEVERAL_REPORTS` make it long, with kills, and without Redis: `make dashboard-several`.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_dashboard.auth.password import hash_password
from tests.support.dashboard import following
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.dashboard.processes import (
    Follower,
    Process,
    RoundRobin,
    server_process,
    web_process,
    worker_process,
)
from tests.support.doubles.key_value import KeyValueServer
from tests.support.doubles.postgres import Server

WHOLE = "ERT_SEVERAL_READS" in os.environ
READS = int(os.environ.get("ERT_SEVERAL_READS", "60"))
REPORTS = int(os.environ.get("ERT_SEVERAL_REPORTS", "4"))
LOGIN = "correct horse battery"


def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Wait for it; each look costs a process of the dashboard some work."""
    following.until(condition, seconds, 0.2)


class Dashboard:
    """The processes, the round robin over them, and a visitor who has logged in."""

    def __init__(self, environ: dict[str, str], folder: Path, stack: ExitStack) -> None:
        self._environ = environ
        self._folder = folder
        self._stack = stack
        self._started = 0
        self.web = [self.start_web(), self.start_web(server_process)]  # each way to serve
        self.worker = self.start_worker()
        self.proxy = stack.enter_context(RoundRobin([one.port for one in self.web]).serving())
        self.seen: Counter[int] = Counter()
        # A connection per request, as from many visitors; one whose process was killed is made again.
        self.visitor = stack.enter_context(
            httpx.Client(
                base_url=f"http://127.0.0.1:{self.proxy.port}",
                trust_env=False,
                timeout=60,
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        )
        host = f"127.0.0.1:{self.proxy.port}"
        entered = self.visitor.post("/login", data={"password": LOGIN}, headers={"Origin": f"http://{host}"})
        assert entered.status_code == 303
        self.cookie = f"ert_session={self.visitor.cookies['ert_session']}"

    def start_web(self, run: Callable[..., AbstractContextManager[Process]] = web_process) -> Process:
        environ = {**self._environ, "ERT_DASHBOARD_ROLE": "web"}
        return self._stack.enter_context(run(environ, self._new_folder()))

    def start_worker(self) -> Process:
        return self._stack.enter_context(worker_process(self._environ, self._new_folder()))

    def _new_folder(self) -> Path:
        self._started += 1
        return self._folder / str(self._started)

    def page(self, web: int) -> Follower:
        """Open a page on one of the web processes."""
        page = Follower(f"127.0.0.1:{self.web[web].port}", self.cookie)
        self._stack.callback(page.close)
        return page

    def get(self, path: str) -> Any:
        for _ in range(5):
            try:
                found = self.visitor.get(path)
            except httpx.TransportError:
                continue
            self.seen[found.status_code] += 1
            return found.json() if found.status_code == 200 else None
        raise AssertionError("no process answers")

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.visitor.post(path, json=body, headers=headers).raise_for_status().json()

    def ask(self, key: str | None = None) -> str:
        return str(self.post("/api/generate", {"ticker": "AAPL"}, key)["report_id"])

    def statuses(self, ids: list[str]) -> list[str]:
        found = self.get(f"/api/reports?limit={min(999, 10 * len(ids) + 50)}") or {"reports": []}
        return [report["status"] for report in found["reports"] if report["report_id"] in ids]

    def until_completed(self, ids: list[str]) -> None:
        until(lambda: self.statuses(ids) == ["completed"] * len(ids), 90)


@pytest.fixture
def environ(backend: FakeBackend, tmp_path: Path, database: Server, key_value: KeyValueServer) -> dict[str, str]:
    return {
        **complete(backend, tmp_path, timeout_s=300),
        "DATABASE_URL": database.url(database.database()),
        "REDIS_URL": key_value.url,
        "ERT_DASHBOARD_LEASE": "3",
        "ERT_DASHBOARD_WORKERS": "8",
        "ERT_DASHBOARD_PASSWORD_HASH": hash_password(LOGIN),
        "ERT_DASHBOARD_REPORTS_PER_HOUR": "0",
        "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0",
    }


@pytest.mark.e2e
def test_several_processes_are_one_dashboard(
    environ: dict[str, str], backend: FakeBackend, tmp_path: Path, key_value: KeyValueServer, database: Server
) -> None:
    with ExitStack() as stack:
        dashboard = Dashboard(environ, tmp_path / "processes", stack)
        pages = [dashboard.page(0), dashboard.page(1)]
        until(lambda: all((dashboard.get("/api/status") or {}).get("updates") == "live" for _ in range(2)), 20)
        done = pages_follow(dashboard, pages)
        reads(dashboard, done)
        done += aborted_from_anywhere(dashboard, backend, pages)
        if WHOLE:
            with_killed_processes(dashboard, backend)
        assert set(dashboard.seen) == {200}, dashboard.seen
        for process in (*dashboard.web, dashboard.worker):
            assert "Traceback" not in process.log, process.log
        if WHOLE:
            pages[0] = with_another_web_process(dashboard, pages[0])
        through_a_restart_of_the_database(dashboard, backend, database)
        if WHOLE:
            after_an_outage(dashboard, key_value, pages)
            logged_out(dashboard)
        assert set(dashboard.seen) == {200, 503}, dashboard.seen
        if WHOLE:
            sys.stderr.write(f"{dict(dashboard.seen)}, 503 while the database was away; {REPORTS} reports open\n")


def pages_follow(dashboard: Dashboard, pages: list[Follower]) -> list[str]:
    """Every page sees every report begin and end, whichever process was asked; a double click is one report."""
    first = dashboard.ask("click-0001")
    assert dashboard.ask("click-0001") == first
    ids = [first, dashboard.ask()]
    dashboard.until_completed(ids)
    heard(pages, ids, "completed")
    for page in pages:
        for report_id in ids:
            assert {"queued", "generating_sections"} <= set(page.statuses(report_id))
    return ids


def heard(pages: list[Follower], ids: list[str], status: str) -> None:
    """Wait until every page has heard that every report had this status."""
    until(lambda: all(status in page.statuses(report_id) for page in pages for report_id in ids), 30)


def reads(dashboard: Dashboard, ids: list[str]) -> None:
    """Read from many visitors at once; `dashboard.seen` counts the statuses."""
    paths = ["/api/status", "/api/reports", *(f"/api/reports/{report_id}" for report_id in ids)]

    def one(number: int) -> None:
        assert dashboard.get(paths[number % len(paths)])["success"] is True

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(READS)))


def aborted_from_anywhere(dashboard: Dashboard, backend: FakeBackend, pages: list[Follower]) -> list[str]:
    backend.held = True
    ids = [dashboard.ask() for _ in range(2)]
    until(lambda: set(ids) <= set(backend.reports))
    for report_id in ids:  # each at another process
        dashboard.post(f"/api/reports/{report_id}/abort", {})
    until(lambda: dashboard.statuses(ids) == ["aborted"] * 2)
    heard(pages, ids, "aborted")
    until(lambda: sorted(backend.deleted) == sorted(ids))
    return ids


def with_killed_processes(dashboard: Dashboard, backend: FakeBackend) -> None:
    """Kill a web process and the worker while reports are open, and start another worker."""
    before = len(dashboard.get("/api/reports?limit=999")["reports"])
    deleted = list(backend.deleted)
    ids = [dashboard.ask() for _ in range(REPORTS)]
    running = min(REPORTS, 8)
    until(lambda: len(set(ids) & set(backend.reports)) == running, 30)
    for report_id in set(ids) & set(backend.reports):
        backend.reports[report_id].write(2)
    until(lambda: dashboard.statuses(ids).count("generating_sections") == running, 30)
    posted = Counter(seen.body["id"] for seen in backend.posts())
    dashboard.web[0].kill()
    dashboard.worker.kill()
    assert len(dashboard.statuses(ids)) == REPORTS
    # Its lease has to be over: another worker would begin with the reports that wait, and all are held.
    until(lambda: dashboard.get("/health/worker")["workers"] == 0, 30)
    dashboard.worker = dashboard.start_worker()
    again = set(ids) & set(backend.reports)
    until(lambda: all(Counter(seen.body["id"] for seen in backend.posts())[one] == 2 for one in again), 60)
    backend.held = False
    for report_id in again:
        backend.reports[report_id].write(5)
        backend.reports[report_id].finish()
    dashboard.until_completed(ids)
    asked = Counter(seen.body["id"] for seen in backend.posts()) - posted
    assert {one: asked[one] for one in ids} == dict.fromkeys(ids, 1)  # the killed ones again, the queued ones once
    assert len(dashboard.get("/api/reports?limit=999")["reports"]) == before + REPORTS
    assert backend.deleted == deleted


def with_another_web_process(dashboard: Dashboard, page: Follower) -> Follower:
    """Start one in the place of the killed one; return a page of it instead of the one that was cut off."""
    assert page.ended.wait(10)
    dashboard.web[0] = dashboard.start_web()
    dashboard.proxy.upstream[0] = dashboard.web[0].port
    return dashboard.page(0)


def through_a_restart_of_the_database(dashboard: Dashboard, backend: FakeBackend, database: Server) -> None:
    """Restart it under load, with reports open: calls return 503 meanwhile, and every report is written once."""
    listed = {report["report_id"] for report in dashboard.get("/api/reports?limit=999")["reports"]}
    known = set(backend.reports)
    backend.held = True
    ids = [dashboard.ask() for _ in range(REPORTS)]
    running = min(REPORTS, 8)
    until(lambda: len(set(ids) & set(backend.reports)) == running, 30)
    with load(dashboard, ids):
        database.stop()
        for report_id in set(ids) & set(backend.reports):
            backend.reports[report_id].write(3)
        before = dashboard.seen[503]
        until(lambda: dashboard.seen[503] > before + 3, 30)
        database.start()
        backend.held = False
        for report_id in set(ids) & set(backend.reports):
            backend.reports[report_id].write(5)
            backend.reports[report_id].finish()
        dashboard.until_completed(ids)
    assert set(backend.reports) - known == set(ids)  # each request reached the backend under the one id of its report
    assert {report["report_id"] for report in dashboard.get("/api/reports?limit=999")["reports"]} - listed == set(ids)
    assert not set(ids) & set(backend.deleted)


@contextmanager
def load(dashboard: Dashboard, ids: list[str]) -> Iterator[None]:
    """Read from two visitors without a pause, except the moment after a process said that it cannot."""
    over = threading.Event()

    def read() -> None:
        for path in itertools.cycle(["/api/status", "/api/reports", *(f"/api/reports/{one}" for one in ids)]):
            if over.wait(0.02 if dashboard.get(path) else 0.2):
                return

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            yield
        finally:
            over.set()
        for reader in readers:
            reader.result(30)


def after_an_outage(dashboard: Dashboard, key_value: KeyValueServer, pages: list[Follower]) -> None:
    """The pages are told, follow all the same by what their process reads, and are live again afterwards."""
    key_value.stop()
    until(lambda: all(dashboard.get("/api/status")["updates"] == "delayed" for _ in range(2)), 30)
    during = dashboard.ask()
    dashboard.until_completed([during])
    heard(pages, [during], "completed")
    key_value.start()
    until(lambda: all(dashboard.get("/api/status")["updates"] == "live" for _ in range(2)), 30)
    after = dashboard.ask()
    dashboard.until_completed([after])
    heard(pages, [after], "generating_sections")


def logged_out(dashboard: Dashboard) -> None:
    """A logout at one process ends the login, and the pages, at the other."""
    pages = [dashboard.page(0), dashboard.page(1)]
    host = f"127.0.0.1:{dashboard.proxy.port}"
    assert dashboard.visitor.post("/logout", headers={"Origin": f"http://{host}"}).status_code == 303
    for page in pages:
        assert page.ended.wait(20)
    assert dashboard.visitor.get("/api/status").status_code == 401

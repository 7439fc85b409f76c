"""The dashboard on a real PostgreSQL: deploys, killed processes, two side by side, and a database that is away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_dashboard.auth.password import hash_password
from ert_dashboard.base.clock import SystemClock
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.secret import Secret
from ert_dashboard.settings import read_settings
from ert_dashboard.storage.interface import StoreTrouble
from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.migrate import main, migrate
from ert_dashboard.storage.sql.tables import METADATA, REVISION, VERSION
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.dashboard.processes import Process, web_process
from tests.support.doubles.postgres import PASSWORD, Server
from tests.support.llm_engine.servers import free_port

Start = Callable[[dict[str, str]], Dashboard]
IMAGE = Path(__file__).parents[2] / "images" / "dashboard"
OLD = Path(os.environ.get("ERT_OLD_DASHBOARD") or IMAGE)  # the release that a deploy takes the place of
LOGIN = "correct horse battery"


@pytest.fixture(scope="module")
def server(database: Server) -> Server:
    return database


@pytest.fixture(scope="module")
def one_database(server: Server) -> str:
    return server.database()


@pytest.fixture
def name(server: Server, one_database: str) -> str:
    """Return the name of an empty database."""
    server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", one_database)
    return one_database


@pytest.fixture
def kept(backend: FakeBackend, tmp_path: Path, server: Server, name: str) -> dict[str, str]:
    """Return the environment of a dashboard that keeps everything in an empty database."""
    environ = complete(backend, tmp_path, timeout_s=300)
    without = {key: value for key, value in environ.items() if key != "ERT_DASHBOARD_DB"}
    return {**without, "DATABASE_URL": server.url(name), "ERT_DASHBOARD_LEASE": "60"}


def busy(dashboard: Dashboard) -> bool:
    consumer = dashboard.service.desk.consumer
    return consumer is not None and consumer.busy


def log_in(client: Any) -> Any:
    return client.post("/login", data={"password": LOGIN}, headers={"Origin": "http://localhost"})


def test_a_deploy_forgets_nothing(kept: dict[str, str], start: Start, backend: FakeBackend) -> None:
    locked = {**kept, "ERT_DASHBOARD_PASSWORD_HASH": hash_password(LOGIN)}
    first = start(locked)
    client: Any = first.app.test_client()
    log_in(client)
    done = [ask(client, ticker) for ticker in ("AAPL", "MSFT", "NVDA")]
    assert {ended(client, report_id)["status"] for report_id in done} == {"completed"}
    backend.held = True
    writing = ask(client)
    backend_report = until(lambda: backend.reports.get(writing))
    backend_report.write(2)
    until(lambda: data(client, writing)["sections_done"] == 2)
    sections = client.get(f"/api/reports/{writing}").json["draft"]
    assert len(sections) == 2
    cookie = client.get_cookie("ert_session").value
    first.close()

    again: Any = start(locked).app.test_client()
    again.set_cookie("ert_session", cookie)
    assert again.get("/api/status").status_code == 200
    assert {report["report_id"] for report in again.get("/api/reports").json["reports"]} == {*done, writing}
    assert again.get(f"/api/reports/{writing}").json["draft"] == sections
    assert again.get(f"/reports/{done[0]}.md").status_code == 200
    backend_report.finish()
    assert ended(again, writing)["sections_done"] == 5
    assert sorted(backend.reports) == sorted([*done, writing])


@contextmanager
def process(environ: dict[str, str], folder: Path, image: Path = IMAGE) -> Iterator[tuple[Process, httpx.Client]]:
    """Run the dashboard under gunicorn with a new empty directory."""
    with (
        web_process(environ, folder, image) as started,
        httpx.Client(base_url=f"http://127.0.0.1:{started.port}", trust_env=False, timeout=60) as client,
    ):
        yield started, client


def request(client: httpx.Client) -> str:
    return str(client.post("/api/generate", json={"ticker": "AAPL"}).raise_for_status().json()["report_id"])


def served(clients: tuple[httpx.Client, ...], backend: FakeBackend) -> set[str]:
    """Have reports written by both processes for `ERT_SIDE_BY_SIDE` seconds; return them, all completed."""
    end = SystemClock().monotonic() + float(os.environ.get("ERT_SIDE_BY_SIDE", "0"))
    ids: list[str] = []
    while SystemClock().monotonic() < end and len(ids) < 900:
        batch = [request(client) for client in clients]
        until_completed(clients[0], batch)
        ids += batch
    assert len(backend.posts()) == len(ids)
    return set(ids)


def owners(server: Server, name: str) -> dict[str, str]:
    """Return the owner of each unfinished report; empty while it waits."""
    unfinished = "status NOT IN ('completed', 'failed', 'aborted')"
    return dict(server.execute(f"SELECT report_id, owner FROM ert_reports WHERE {unfinished}", name))


def until_completed(client: httpx.Client, ids: list[str]) -> None:
    until(lambda: statuses(client, ids) == {"completed"}, 60)


def statuses(client: httpx.Client, ids: list[str]) -> set[str]:
    found = client.get("/api/reports?limit=20").json()["reports"]
    return {report["status"] for report in found if report["report_id"] in ids}


@pytest.mark.e2e
def test_side_by_side_and_killed_nothing_is_lost_or_doubled(
    kept: dict[str, str], backend: FakeBackend, tmp_path: Path, server: Server, name: str
) -> None:
    """The old process and the new one both take reports; then one is killed with its reports open."""
    unlimited = {"ERT_DASHBOARD_REPORTS_PER_HOUR": "0", "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0"}
    environ = {
        **kept,
        **unlimited,
        "ERT_DASHBOARD_WORKERS": "8",
        "ERT_DASHBOARD_LEASE": "6",
        "ERT_DASHBOARD_KEEP": "1000",
    }
    with process(environ, tmp_path / "old", OLD) as (old, left), process(environ, tmp_path / "new") as (_, right):
        done = served((left, right), backend)
        backend.held = True
        ids = [request(client) for _ in range(3) for client in (left, right)]
        until(lambda: set(ids) | done == set(backend.reports), 60)
        for report_id in ids:
            backend.reports[report_id].write(2)
        until(lambda: all(right.get(f"/api/reports/{one}").json()["data"]["sections_done"] == 2 for one in ids), 60)
        before, posted = owners(server, name), len(backend.posts())
        old.kill()
        until(lambda: len(set(owners(server, name).values())) == 1, 60)
        (heir,) = set(owners(server, name).values())
        again = [report_id for report_id, owner in before.items() if owner != heir]
        until(lambda: len(backend.posts()) == posted + len(again), 60)  # those of the killed one, by their ids
        for report_id in ids:
            backend.reports[report_id].write(5)
            backend.reports[report_id].finish()
        until_completed(right, ids)
        assert right.get("/api/reports?limit=999").json()["count"] == len(ids) + len(done)
    assert set(backend.reports) == set(ids) | done
    assert len(backend.posts()) == len(ids) + len(done) + len(again)
    assert backend.deleted == []
    text = (
        f"{len(done)} reports side by side, and {len(ids)} open at a kill, of {len(again)} its own: 0 lost or doubled"
    )
    sys.stderr.write(f"{text}\n")


def test_a_living_process_keeps_its_reports_and_gives_them_up_when_it_stops(
    kept: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    old = start(kept)
    report_id = ask(old.app.test_client())
    until(lambda: report_id in backend.reports)
    new = start(kept)
    client: Any = new.app.test_client()
    assert new.service.desk.requeue() == []
    assert data(client, report_id)["ticker"] == "AAPL"
    old.close()
    until(lambda: new.service.desk.requeue() == [report_id] or busy(new))
    backend.only().write(5)
    backend.only().finish()
    assert ended(client, report_id)["status"] == "completed"


def test_a_page_of_one_process_hears_of_the_reports_of_the_other(
    kept: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    old, new = start(kept), start(kept)
    ended(old.app.test_client(), ask(old.app.test_client()))
    new.service.desk.tell_of_others()
    page = new.socketio.test_client(new.app)
    page.get_received()
    report_id = ask(old.app.test_client())
    ended(old.app.test_client(), report_id)
    new.service.desk.tell_of_others()
    new.service.desk.tell_of_others()
    heard = [event["args"][0] for event in page.get_received() if event["name"] == "report_completed"]
    assert [(event["report_id"], event["success"]) for event in heard] == [(report_id, True)]


def test_a_process_that_lost_a_report_neither_writes_nor_cancels_it(
    kept: dict[str, str], start: Start, backend: FakeBackend, server: Server, name: str
) -> None:
    """As after a machine that was frozen for longer than its lease."""
    backend.held = True
    frozen = start({**kept, "ERT_DASHBOARD_WORKERS": "1"})  # its one thread is busy, and claims no other report
    report_id = ask(frozen.app.test_client())
    until(lambda: report_id in backend.reports)
    other = start(kept)
    report = until(lambda: backend.reports.get(report_id))
    server.execute(
        f"UPDATE ert_processes SET expires = now() - interval '1 s' WHERE owner = '{frozen.service.store.owner}'", name
    )
    until(lambda: other.service.desk.requeue() == [report_id] or busy(other))
    report.write(5)
    until(lambda: report_id not in {job.report_id for job in frozen.service.store.unfinished()})
    report.finish()
    assert ended(other.app.test_client(), report_id)["status"] == "completed"
    until(lambda: not busy(frozen))
    assert backend.deleted == []
    assert len(backend.reports) == 1


def allow(server: Server, name: str, *, answers: bool) -> None:
    """Let the database respond, or end its connections and reject new ones."""
    server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {str(answers).lower()}")
    if not answers:
        server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def test_an_away_database_is_said_and_the_report_goes_on_after_it(
    kept: dict[str, str],
    start: Start,
    backend: FakeBackend,
    server: Server,
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend.held = True
    dashboard = start(kept)
    client: Any = dashboard.app.test_client()
    report_id = ask(client)
    report = until(lambda: backend.reports.get(report_id))
    report.write(1)
    until(lambda: data(client, report_id)["sections_done"] == 1)
    allow(server, name, answers=False)
    refused = client.post("/api/generate", json={"ticker": "MSFT"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "database" in refused.json["error"]
    assert PASSWORD not in refused.get_data(as_text=True)
    assert client.get("/health").status_code == 200
    report.write(4)
    until(lambda: not busy(dashboard))
    looks = dashboard.service.desk._looks
    until(lambda: dashboard.service.desk._looks > looks + 1)
    lines = [record for record in caplog.records if "the report store cannot be used" in record.getMessage()]
    assert 1 <= len(lines) <= 2  # one of the queue and one of the consumer, not one for each look
    assert not [line for line in lines if line.exc_info]
    allow(server, name, answers=True)
    report.finish()
    assert ended(client, report_id)["sections_done"] == 5
    assert len(client.get(f"/api/reports/{report_id}").json["report"]["sections"]) == 5
    assert list(backend.reports) == [report_id]


def test_a_database_that_is_away_at_the_start_stops_it(kept: dict[str, str], start: Start) -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL") as refusal:
        start({**kept, "DATABASE_URL": f"postgres://ert:{PASSWORD}@127.0.0.1:{free_port()}/none"})
    assert PASSWORD not in str(refusal.value)


@pytest.mark.parametrize("url", ["mysql://a:b@c/d", "postgres://nothing", "sqlite:///x"])
def test_another_kind_of_database_stops_the_start(kept: dict[str, str], start: Start, url: str) -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL"):
        start({**kept, "DATABASE_URL": url})


def test_a_preview_leaves_the_database_of_production_alone(kept: dict[str, str]) -> None:
    assert read_settings(kept).database_url == Secret(kept["DATABASE_URL"])
    assert read_settings({**kept, "IS_PULL_REQUEST": "true"}).database_url is None
    assert read_settings({**kept, "IS_PULL_REQUEST": "true", "ERT_LLM_PREVIEWS": "use"}).database_url is not None


def test_processes_that_start_together_migrate_once(server: Server, name: str) -> None:
    url = Secret(server.url(name))
    start = threading.Barrier(4)
    found: list[str] = []

    def one() -> None:
        database = Database(url)
        start.wait(10)
        found.append(migrate(database))
        database.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [REVISION] * 4
    assert server.execute(f"SELECT version_num FROM {VERSION}", name) == [(REVISION,)]


def test_a_schema_of_the_release_before_is_upgraded_with_its_reports(
    kept: dict[str, str], start: Start, server: Server, name: str
) -> None:
    first = start(kept)
    done = ask(before := first.app.test_client())
    ended(before, done)
    first.close()  # then what revision 0001 had; downgrades are not offered, as a rollback leaves the schema alone
    server.execute("DROP TABLE ert_waker, ert_words; ALTER TABLE ert_reports DROP request_key, DROP backend", name)
    server.execute("ALTER TABLE ert_reports DROP moves, DROP cost, DROP writing_since", name)
    columns = "ALTER TABLE ert_processes DROP role, DROP instance, DROP fingerprint"
    server.execute(f"{columns}; UPDATE {VERSION} SET version_num = '0001'", name)
    client: Any = start(kept).app.test_client()
    assert data(client, done)["status"] == "completed"
    assert server.execute(f"SELECT version_num FROM {VERSION}", name)[0] == (REVISION,)
    keyed = {"json": {"ticker": "MSFT"}, "headers": {"Idempotency-Key": "click-0001"}}
    assert len({client.post("/api/generate", **keyed).json["report_id"] for _ in range(2)}) == 1


def test_the_migrated_schema_is_the_one_of_the_code(server: Server, name: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(Secret(server.url(name)))
    migrate(database)
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION, "compare_type": True})
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_this_release_works_on_the_schema_of_a_later_one(
    kept: dict[str, str], start: Start, server: Server, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a rollback at Render, which does not touch the database."""
    start(kept).close()
    server.execute("ALTER TABLE ert_reports ADD COLUMN later text NOT NULL DEFAULT 'x'", name)
    server.execute("ALTER TABLE ert_sessions ADD COLUMN later text", name)
    server.execute(f"UPDATE {VERSION} SET version_num = '9999'", name)
    client: Any = start(kept).app.test_client()
    assert ended(client, ask(client))["status"] == "completed"
    assert server.execute(f"SELECT version_num FROM {VERSION}", name) == [("9999",)]
    assert "newer than" in caplog.text


def test_the_command_before_a_deploy_migrates(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "ert_dashboard.storage.sql.migrate"]
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": server.url(name)}
    done = subprocess.run(command, cwd=IMAGE, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, f"revision {REVISION}" in done.stderr) == (0, True), done.stderr
    assert server.execute("SELECT count(*) FROM ert_reports", name) == [(0,)]
    monkeypatch.setenv("DATABASE_URL", server.url("none"))
    assert main() == 1
    said = capsys.readouterr().err
    assert '"none" does not exist' in said
    assert PASSWORD not in said
    monkeypatch.delenv("DATABASE_URL")
    assert main() == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "mode"),
    [("127.0.0.1", None), ("localhost", None), ("dpg-c1-a", None), ("dpg-c1-a.oregon-postgres.render.com", "require")],
)
def test_the_connection_is_encrypted_beyond_the_private_network(host: str, mode: str | None) -> None:
    database = Database(Secret(f"postgresql://ert:{PASSWORD}@{host}/reports"))
    assert database._engine.url.query.get("sslmode") == mode
    assert PASSWORD not in repr(database._engine)
    database.close()


def test_an_error_of_the_database_has_no_secret(server: Server) -> None:
    database = Database(Secret(server.url("none", user="other", password="another-canary-0123456789")))
    with pytest.raises(StoreTrouble) as trouble:
        migrate(database)
    assert "another-canary" not in str(trouble.value)
    assert trouble.value.__cause__ is None
    database.close()

"""Persistence: restarts, two processes during a deploy, and a corrupt database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base.env import BadSetting
from ert_dashboard.storage.lease import Lease
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, data, ended, until

Start = Callable[[dict[str, str]], Dashboard]


def streams_of(backend: FakeBackend) -> list[str | None]:
    """Return the `Last-Event-ID` of each event stream request."""
    return [seen.headers.get("Last-Event-ID") for seen in backend.seen if seen.path.endswith("/events")]


def test_a_restart_reattaches_to_the_report_at_the_backend(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    first = start(environ)
    client = first.app.test_client()
    report_id = ask(client)
    report = until(lambda: backend.reports.get(report_id))
    report.write(2)
    until(lambda: data(client, report_id)["sections_done"] == 2)
    first.close()

    client = start(environ).app.test_client()
    until(lambda: len(streams_of(backend)) == 2)
    report.finish()
    done = ended(client, report_id)
    assert (done["status"], done["sections_done"]) == ("completed", 5)
    assert list(backend.reports) == [report_id]
    assert streams_of(backend) == [None, "6"]


def test_reports_in_the_queue_are_kept_in_order(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    backend.held = True
    one_at_a_time = {**environ, "ERT_DASHBOARD_WORKERS": "1"}
    first = start(one_at_a_time)
    client = first.app.test_client()
    ids = [ask(client, ticker) for ticker in ("AAPL", "MSFT", "NVDA")]
    until(lambda: ids[0] in backend.reports)
    assert data(client, ids[2])["queue_position"] == 1
    first.close()
    backend.held = False
    backend.reports.clear()
    client = start(one_at_a_time).app.test_client()
    assert {ended(client, report_id)["status"] for report_id in ids} == {"completed"}
    assert list(backend.reports) == ids


def test_a_living_process_keeps_its_reports_during_a_swap(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    old = start(environ)
    report_id = ask(old.app.test_client())
    until(lambda: report_id in backend.reports)
    new = start(environ)
    client: Any = new.app.test_client()
    assert new.service.desk.requeue() == []
    assert data(client, report_id)["ticker"] == "AAPL"
    old.close()
    assert new.service.desk.requeue() == [report_id]
    backend.only().write(5)
    backend.only().finish()
    assert ended(client, report_id)["status"] == "completed"


def test_a_lock_file_counts_as_long_as_its_process_lives(tmp_path: Path) -> None:
    (tmp_path / "dead.lock").write_text("")
    first, second = Lease(tmp_path), Lease(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted([first.owner, second.owner])
    assert not second.is_gone(first.owner)
    assert not first.is_gone(first.owner)
    first.close()
    assert second.is_gone(first.owner)
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_finished_reports_are_kept_up_to_the_limit(environ: dict[str, str], start: Start) -> None:
    dashboard = start({**environ, "ERT_DASHBOARD_KEEP": "2"})
    client: Any = dashboard.app.test_client()
    ids = []
    for ticker in ("AAPL", "MSFT", "NVDA", "ZZZT"):
        ids.append(ask(client, ticker))
        ended(client, ids[-1])
    # The limit is applied on submission, so one newer job remains in addition to it.
    assert [job.report_id for job in dashboard.service.store.latest()] == [ids[3], ids[2], ids[1]]
    assert client.get(f"/api/reports/{ids[0]}").status_code == 404


def test_a_file_that_is_no_database_is_put_aside(environ: dict[str, str], start: Start) -> None:
    path = Path(environ["ERT_DASHBOARD_DB"])
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    client = start(environ).app.test_client()
    assert client.get("/health").status_code == 200
    assert path.with_name("reports.sqlite3.unreadable").exists()


def test_a_file_of_the_release_before_is_used_and_can_be_used_by_it_afterwards(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    """The earlier release named its columns too, and had none for the key of a request."""
    first = start(environ)
    client: Any = first.app.test_client()
    done = ask(client)
    ended(client, done)
    first.close()
    with sqlite3.connect(environ["ERT_DASHBOARD_DB"]) as connection:
        connection.execute("DROP INDEX reports_by_key")
        connection.execute("ALTER TABLE reports DROP COLUMN request_key")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(reports)").fetchall()]
    connection.close()
    assert "request_key" not in columns
    second = start(environ)
    client = second.app.test_client()
    keyed = {"json": {"ticker": "MSFT"}, "headers": {"Idempotency-Key": "click-0001"}}
    ids = {client.post("/api/generate", **keyed).json["report_id"] for _ in range(2)}
    assert len(ids) == 1
    ended(client, ids.pop())
    assert data(client, done)["status"] == "completed"
    second.close()
    with sqlite3.connect(environ["ERT_DASHBOARD_DB"]) as connection:
        row = connection.execute(f"SELECT {','.join(columns)} FROM reports WHERE report_id=?", (done,)).fetchone()
        again = ["old-1" if name == "report_id" else value for name, value in zip(columns, row, strict=True)]
        marks = ",".join("?" for _ in columns)
        connection.execute(f"INSERT INTO reports ({','.join(columns)}) VALUES ({marks})", again)
    connection.close()
    assert data(start(environ).app.test_client(), "old-1")["status"] == "completed"


def test_a_store_that_cannot_be_written_stops_the_start(environ: dict[str, str], start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match="ERT_DASHBOARD_DB"):
        start({**environ, "ERT_DASHBOARD_DB": str(tmp_path / "file" / "reports.sqlite3")})


def test_the_store_holds_no_key(environ: dict[str, str], start: Start) -> None:
    dashboard = start(environ)
    client = dashboard.app.test_client()
    ended(client, ask(client))
    dashboard.close()
    with sqlite3.connect(environ["ERT_DASHBOARD_DB"]) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    assert "AAPL" in text
    assert environ["ERT_LLM_API_KEY"] not in text

"""What the dashboard keeps besides texts: the audit of logins and deletions, samples of the machine. Its warning."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ert_dashboard.auth.password import hash_password
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, ended, until

Start = Callable[[dict[str, str]], Dashboard]
PASSWORD = "correct horse battery"


def test_a_finished_report_is_deleted_and_that_is_recorded(client: Any, backend: FakeBackend) -> None:
    report_id = ask(client)
    ended(client, report_id)
    done = client.post(f"/api/reports/{report_id}/delete", json={})
    assert (done.status_code, done.json["success"]) == (200, True)
    for path in (f"/api/reports/{report_id}", f"/reports/{report_id}.md"):
        assert client.get(path).status_code == 404
    assert client.post(f"/api/reports/{report_id}/delete", json={}).status_code == 404
    (entry,) = client.get("/api/audit").json["entries"]
    assert (entry["what"], entry["client"], entry["about"]) == ("report deleted", "127.0.0.1", report_id)


def test_a_report_that_is_being_written_is_not_deleted(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    report_id = ask(client)
    until(lambda: report_id in backend.reports)
    refused = client.post(f"/api/reports/{report_id}/delete", json={})
    assert (refused.status_code, "abort it first" in refused.json["error"]) == (409, True)
    assert client.get(f"/api/reports/{report_id}").status_code == 200
    assert client.get("/api/audit").json["entries"] == []


def test_another_site_cannot_delete(client: Any) -> None:
    report_id = ask(client)
    ended(client, report_id)
    path = f"/api/reports/{report_id}/delete"
    assert client.post(path, json={}, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.get(f"/api/reports/{report_id}").status_code == 200


def test_logins_are_recorded_and_outlive_the_process(environ: dict[str, str], start: Start) -> None:
    locked = {**environ, "ERT_DASHBOARD_PASSWORD_HASH": hash_password(PASSWORD)}
    first = start(locked)
    client: Any = first.app.test_client()
    origin = {"Origin": "http://localhost"}
    client.post("/login", data={"password": "wrong"}, headers=origin)
    client.post("/login", data={"password": PASSWORD}, headers=origin)
    client.post("/logout", headers=origin)
    assert client.get("/api/audit").status_code == 401
    first.close()
    client = start(locked).app.test_client()
    client.post("/login", data={"password": PASSWORD}, headers=origin)
    entries = client.get("/api/audit").json["entries"]
    assert [entry["what"] for entry in entries] == ["login", "logout", "login", "login refused"]
    assert {entry["client"] for entry in entries} == {"127.0.0.1"}
    assert "wrong" not in str(entries)


def test_the_estimate_goes_on_after_a_restart(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    backend.status = {"model": "m", "uptime": 7200.0, "price_per_hour": 0.5}
    first = start(environ)
    client: Any = first.app.test_client()
    before = client.get("/api/deployment").json["spend"]
    assert before["usd"] == 1.0
    first.close()
    backend.status = {"model": "m", "uptime": 60.0, "price_per_hour": 0.5}
    second = start(environ)
    minute = second.service.store.samples.latest()[-1][0] - 120
    second.service.store.samples.keep(minute, 7200.0)  # as if the first process had run two minutes ago
    second.close()
    client = start(environ).app.test_client()
    after = client.get("/api/deployment").json["spend"]
    assert after["usd"] == 1.008333


def test_a_file_on_render_is_said_to_end_with_the_next_deploy(
    environ: dict[str, str], start: Start, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    at_render = {**{name: value for name, value in environ.items() if name != "ERT_DASHBOARD_DB"}, "RENDER": "true"}
    client: Any = start(at_render).app.test_client()
    ended(client, ask(client))
    assert "deletes the 1 report(s) kept here" in client.get("/").get_data(as_text=True)
    on_a_disk: Any = start({**environ, "RENDER": "true"}).app.test_client()
    elsewhere: Any = start(environ).app.test_client()
    for other in (on_a_disk, elsewhere):
        assert "The next deploy deletes" not in other.get("/").get_data(as_text=True)


def test_the_export_has_every_finished_report_a_line(client: Any, backend: FakeBackend) -> None:
    ids = [ask(client, ticker) for ticker in ("AAPL", "MSFT")]
    for report_id in ids:
        ended(client, report_id)
    backend.held = True
    writing = ask(client)
    answer = client.get("/api/export")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
    assert [line["report_id"] for line in lines] == ids[::-1]
    for line in lines:
        assert line == client.get(f"/api/reports/{line['report_id']}").json
    assert writing not in str(lines)


def test_reports_are_deleted_after_the_days_that_are_set(environ: dict[str, str], start: Start) -> None:
    dashboard = start({**environ, "ERT_DASHBOARD_KEEP_DAYS": "2"})
    client: Any = dashboard.app.test_client()
    kept, old = ask(client), ask(client)
    for report_id in (kept, old):
        ended(client, report_id)
    dashboard.close()
    with sqlite3.connect(environ["ERT_DASHBOARD_DB"]) as connection:
        connection.execute("UPDATE reports SET finished = finished - 172801 WHERE report_id=?", (old,))
    connection.close()
    start(environ).close()  # without the setting they are kept
    assert start(environ).app.test_client().get(f"/api/reports/{old}").status_code == 200
    client = start({**environ, "ERT_DASHBOARD_KEEP_DAYS": "2"}).app.test_client()
    assert [client.get(f"/api/reports/{report_id}").status_code for report_id in (kept, old)] == [200, 404]

"""Report runs while the machine serves, woken from sleep or restarted, and across a dashboard restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fake_report import SECTIONS
from tests.support.dashboard.following import ask, data, ended, until

Start = Callable[[dict[str, str]], Dashboard]
ASLEEP = "the backend cannot be reached: it is asleep or being started (`ert-deploy wake` wakes it)"


def waits(client: Any, report_id: str) -> bool:
    return bool(data(client, report_id)["current_section"] == f"Waiting: {ASLEEP}")


def test_from_awake(client: Any, backend: FakeBackend) -> None:
    assert client.get("/api/deployment").json["state"] == "ready"
    assert ended(client, ask(client))["status"] == "completed"
    assert len(backend.reports) == 1


def test_from_asleep_and_then_woken(client: Any, backend: FakeBackend) -> None:
    backend.sleep()
    machine = client.get("/api/deployment").json
    assert (machine["state"], machine["detail"]) == ("asleep", ASLEEP)
    assert client.get("/ready").json["reason"] == ASLEEP
    assert client.get("/health").json["status"] == "healthy"
    report_id = ask(client)
    until(lambda: waits(client, report_id))
    assert data(client, report_id)["status"] == "preparing_data"
    backend.loading = {"phase": "loading"}
    backend.wake()
    until(lambda: "loading" in data(client, report_id)["current_section"])
    backend.loading = None
    assert ended(client, report_id, 20)["status"] == "completed"
    assert list(backend.reports) == [report_id]


def test_asked_for_while_asleep_and_the_dashboard_restarts_before_it_wakes(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.sleep()
    first = start(environ)
    ids = [ask(first.app.test_client(), ticker) for ticker in ("AAPL", "MSFT", "ZZZT")]
    until(lambda: waits(first.app.test_client(), ids[0]))
    first.close()
    client = start(environ).app.test_client()
    until(lambda: waits(client, ids[0]))
    backend.wake()
    assert {ended(client, report_id, 20)["status"] for report_id in ids} == {"completed"}
    assert sorted(backend.reports) == sorted(ids)


def test_the_machine_goes_to_sleep_and_comes_back_in_the_middle_of_a_report(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    report_id = ask(client)
    report = until(lambda: backend.reports.get(report_id))
    report.write(2)
    until(lambda: data(client, report_id)["sections_done"] == 2)
    backend.closing.set()  # closes the event streams
    backend.sleep()
    until(lambda: data(client, report_id)["current_section"].startswith("Reconnecting"))
    backend.closing.clear()
    backend.wake()
    report.finish()
    done = ended(client, report_id, 20)
    assert (done["status"], done["sections_done"]) == ("completed", 5)
    assert list(backend.reports) == [report_id]


def forgotten(backend: FakeBackend) -> None:
    """End the machine and have it come back without its reports."""
    backend.closing.set()
    backend.sleep()
    backend.reports.clear()
    backend.held, backend.text = False, "Written after it."
    backend.closing.clear()


def check_kept(client: Any, backend: FakeBackend, report_id: str) -> None:
    """Assert that two sections are those of before, and that the other ones alone were requested."""
    done = ended(client, report_id, 20)
    assert (done["status"], done["sections_done"]) == ("completed", 5)
    sections = client.get(f"/api/reports/{report_id}").json["report"]["sections"]
    assert list(sections) == SECTIONS
    assert ["after it" in text for text in sections.values()] == [False, False, True, True, True]
    assert [(seen.body["id"], len(seen.body["sections"])) for seen in backend.posts()[1:]] == [(f"{report_id}-m1", 3)]


def test_the_backend_restarts_in_the_middle_of_a_report_and_has_forgotten_it(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    report_id = ask(client)
    report = until(lambda: backend.reports.get(report_id))
    report.write(2)
    until(lambda: data(client, report_id)["sections_done"] == 2)
    forgotten(backend)
    backend.wake()
    check_kept(client, backend, report_id)


def test_the_dashboard_and_the_backend_restart_in_the_middle_of_a_report(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    first = start(environ)
    report_id = ask(first.app.test_client())
    report = until(lambda: backend.reports.get(report_id))
    report.write(2)
    until(lambda: data(first.app.test_client(), report_id)["sections_done"] == 2)
    first.close()
    forgotten(backend)
    client = start(environ).app.test_client()
    until(lambda: ASLEEP in data(client, report_id)["current_section"])
    backend.wake()
    check_kept(client, backend, report_id)


def test_the_dashboard_restarts_in_the_middle_of_a_report_while_the_machine_sleeps(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    first = start(environ)
    report_id = ask(first.app.test_client())
    report = until(lambda: backend.reports.get(report_id))
    report.write(3)
    until(lambda: data(first.app.test_client(), report_id)["sections_done"] == 3)
    first.close()
    backend.closing.set()
    backend.sleep()
    client = start(environ).app.test_client()
    until(lambda: ASLEEP in data(client, report_id)["current_section"])
    assert data(client, report_id)["sections_done"] == 3
    backend.closing.clear()
    backend.wake()
    report.finish()
    assert ended(client, report_id, 20)["status"] == "completed"
    assert list(backend.reports) == [report_id]


def test_nobody_waits_for_ever(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    backend.sleep()
    client = start({**environ, "ERT_DASHBOARD_WAKE_WAIT": "0.4"}).app.test_client()
    done = ended(client, ask(client))
    backend.wake()
    assert (done["status"], done["error_message"]) == ("failed", "the backend did not become ready in time")

"""Resumption of a report that ran out of time: its sections stay, and the backend is asked for the others only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.reports.resumption import NothingKept, resumption
from ert_dashboard.storage.job import DEFAULT_SECTIONS, KEPT, Job, Status
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.dashboard.following import ask, data, ended, until

Start = Callable[[dict[str, str]], Dashboard]


def full(client: Any, report_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/reports/{report_id}").json
    return found


def resume(client: Any, report_id: str) -> Any:
    return client.post(f"/api/reports/{report_id}/resume", json={})


def out_of_time(client: Any, backend: FakeBackend, sections: int) -> str:
    """Have a report end after some sections; return its id."""
    backend.held = True
    report_id = ask(client)
    until(lambda: report_id in backend.reports)
    backend.reports[report_id].write(sections)
    until(lambda: len(full(client, report_id)["draft"]) == sections)
    assert ended(client, report_id, 20)["error_message"] == "the report took longer than allowed"
    return report_id


def test_the_rest_of_a_report_is_written_after_it_ran_out_of_time(
    start: Start, backend: FakeBackend, tmp_path: Path
) -> None:
    client = start(complete(backend, tmp_path, timeout_s=1)).app.test_client()
    first = out_of_time(client, backend, 2)
    kept = full(client, first)["draft"]
    backend.held, backend.text = False, "written later"
    answer = resume(client, first)
    assert answer.status_code == 200
    second = answer.json["report_id"]
    assert second != first
    assert resume(client, first).json["report_id"] == second  # a double click
    done = ended(client, second)
    assert (done["status"], done["sections_done"], done["sections_total"]) == ("completed", 5, 5)
    assert backend.reports[second].request["sections"] == list(DEFAULT_SECTIONS[2:])
    assert KEPT not in backend.reports[second].request
    sections = full(client, second)["report"]["sections"]
    assert list(sections) == list(DEFAULT_SECTIONS)
    assert {name: sections[name] for name in kept} == kept
    assert all("written later" in sections[name] for name in DEFAULT_SECTIONS[2:])
    assert full(client, first)["draft"] == kept
    assert resume(client, second).status_code == 409


def test_a_resumed_report_shows_what_it_has_and_can_run_out_of_time_again(
    start: Start, backend: FakeBackend, tmp_path: Path
) -> None:
    client = start(complete(backend, tmp_path, timeout_s=1)).app.test_client()
    first = out_of_time(client, backend, 1)
    second = resume(client, first).json["report_id"]
    until(lambda: second in backend.reports)
    backend.reports[second].write(2)
    until(lambda: data(client, second)["sections_done"] == 3)
    assert data(client, second)["sections_total"] == 5
    assert list(full(client, second)["draft"]) == list(DEFAULT_SECTIONS[:3])
    ended(client, second, 20)
    backend.held = False
    third = resume(client, second).json["report_id"]
    assert ended(client, third)["status"] == "completed"
    assert backend.reports[third].request["sections"] == list(DEFAULT_SECTIONS[3:])
    assert len(full(client, third)["report"]["sections"]) == 5


def test_a_backend_that_lost_a_resumed_report_does_not_lose_the_sections_it_had(
    start: Start, backend: FakeBackend, tmp_path: Path
) -> None:
    client = start(complete(backend, tmp_path, timeout_s=2)).app.test_client()
    first = out_of_time(client, backend, 3)
    second = resume(client, first).json["report_id"]
    until(lambda: second in backend.reports)
    backend.reports[second].tell("draining", {}, "draining")
    lost = backend.reports.pop(second)
    until(lambda: backend.reports.get(second) not in (None, lost))
    assert list(full(client, second)["draft"]) == list(DEFAULT_SECTIONS[:3])
    backend.reports[second].write(5)
    backend.reports[second].finish()
    assert ended(client, second)["status"] == "completed"
    assert len(full(client, second)["report"]["sections"]) == 5


def test_only_a_report_that_ended_with_sections_can_be_resumed(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    report_id = ask(client)
    until(lambda: report_id in backend.reports)
    assert resume(client, report_id).status_code == 409
    client.post(f"/api/reports/{report_id}/abort", json={})
    ended(client, report_id)
    assert resume(client, report_id).status_code == 409
    assert resume(client, "unknown-1").status_code == 404


def test_a_resumption_needs_a_backend_and_a_place_in_the_queue(
    start: Start, backend: FakeBackend, tmp_path: Path
) -> None:
    environ = complete(backend, tmp_path, timeout_s=1)
    environ |= {"MAX_QUEUE_SIZE": "1", "ERT_DASHBOARD_WORKERS": "1"}
    dashboard = start(environ)
    client = dashboard.app.test_client()
    first = out_of_time(client, backend, 2)
    running = ask(client)
    until(lambda: running in backend.reports)
    ask(client)
    assert resume(client, first).status_code == 429
    dashboard.close()
    del environ["ERT_LLM_CA_CERT"]
    assert resume(start(environ).app.test_client(), first).status_code == 409


def test_a_report_that_ended_while_its_text_was_fetched_has_its_last_section_written_again() -> None:
    every = dict.fromkeys(DEFAULT_SECTIONS, "text")
    job = Job("A-1", "A", "A", "", 1.0, "", status=Status.FAILED, request={"sections": list(every)})
    found = resumption(job, every, "A-2", 2.0)
    assert (found.sent["sections"], len(found.kept), found.sections_total) == ([DEFAULT_SECTIONS[-1]], 4, 5)
    with pytest.raises(NothingKept):
        resumption(job, {}, "A-2", 2.0)

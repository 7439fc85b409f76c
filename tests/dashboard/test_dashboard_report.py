"""Report runs: a backend that sleeps, restarts, has the original interface, or disconnects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fake_report import SECTIONS
from tests.support.dashboard.fingerprint import sealed
from tests.support.dashboard.following import ask, data, ended, until

Start = Callable[[dict[str, str]], Dashboard]


def test_a_report_is_written_and_can_be_read_and_downloaded(client: Any, backend: FakeBackend) -> None:
    report_id = ask(client)
    done = ended(client, report_id)
    assert (done["status"], done["progress"], done["sections_done"]) == ("completed", 100, 5)
    answer = client.get(f"/api/reports/{report_id}").json
    assert list(answer["report"]["sections"]) == SECTIONS
    assert answer["report"]["metadata"]["model"] == "gpt-oss:20b"
    download = client.get(done["report_path"])
    assert download.headers["Content-Disposition"] == f'attachment; filename="{report_id}.md"'
    assert "# Apple Inc. (AAPL)" in download.text
    assert "sample data, as of 2024-09-28" in download.text
    assert "## Risk analysis" in download.text
    (asked,) = backend.posts()
    assert asked.body["id"] == report_id
    assert asked.body["financial_data"]["totalRevenue"] == 391035000000
    assert asked.body["financial_data"]["currentRatio"] == pytest.approx(0.867313)
    assert asked.body["market_data"]["provenance"]["totalRevenue"]["as_of"] == "2024-09-28"


def test_the_stages_of_a_report_are_shown_while_it_is_written(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    report_id = ask(client)
    waiting = until(lambda: (found := data(client, report_id))["queue_position"] == 1 and found)
    assert waiting["current_section"] == "Waiting for the backend's turn (place 1)"
    backend.only().write(2)
    writing = until(lambda: (found := data(client, report_id))["sections_done"] == 2 and found)
    assert writing["status"] == "generating_sections"
    assert writing["current_section"] == "Financial analysis"
    assert writing["progress"] == 15 + 80 * 2 // 5
    backend.only().finish()
    assert ended(client, report_id)["status"] == "completed"


def test_a_connection_cut_in_the_middle_is_resumed_after_the_last_event(client: Any, backend: FakeBackend) -> None:
    backend.cut_after = [4, 3]
    assert ended(client, ask(client))["status"] == "completed"
    streams = [seen.headers.get("Last-Event-ID") for seen in backend.seen if seen.path.endswith("/events")]
    assert streams == [None, "4", "7"]
    assert len(backend.posts()) == 1


def test_a_backend_without_events_is_polled(client: Any, backend: FakeBackend) -> None:
    backend.has_events = False
    assert ended(client, ask(client))["status"] == "completed"


def test_an_old_backend_is_asked_by_the_originals_one_long_call(client: Any, backend: FakeBackend) -> None:
    backend.has_reports = False
    report_id = ask(client)
    assert ended(client, report_id)["status"] == "completed"
    assert [seen.path for seen in backend.posts()] == ["/reports", "/generate_report"]
    assert "id" not in backend.posts()[1].body


def test_a_sleeping_backend_is_waited_for_and_its_download_shown(client: Any, backend: FakeBackend) -> None:
    backend.loading = {"phase": "pulling", "completed": 6.1e9, "total": 13.8e9}
    report_id = ask(client)
    shown = until(lambda: (found := data(client, report_id)["current_section"]).startswith("Waiting:") and found)
    assert shown == "Waiting: the backend is downloading the model 44 % (6.1 of 13.8 GB)"
    assert client.get("/health").status_code == 200
    backend.loading = None
    assert ended(client, report_id)["status"] == "completed"


def test_a_backend_that_never_wakes_ends_the_report_in_time(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.loading = {"phase": "loading"}
    client = start({**environ, "ERT_DASHBOARD_WAKE_WAIT": "0.3"}).app.test_client()
    done = ended(client, ask(client))
    assert (done["status"], done["error_message"]) == ("failed", "the backend did not become ready in time")


def test_a_trickling_stream_meets_the_wall_clock_limit(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = backend.trickle = True
    client = start(sealed({**environ, "ERT_LLM_TIMEOUT": "0.5"})).app.test_client()
    report_id = ask(client)
    done = ended(client, report_id)
    assert (done["status"], done["error_message"]) == ("failed", "the report took longer than allowed")
    until(lambda: backend.deleted == [report_id])


def test_a_backend_that_forgot_the_report_is_asked_again_under_the_same_id(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    report_id = ask(client)
    until(lambda: data(client, report_id)["queue_position"] == 1)
    old = backend.reports.pop(report_id)
    backend.held = False
    old.tell("draining", {"detail": "this machine is about to stop", "retryable": True}, "failed")
    assert ended(client, report_id)["status"] == "completed"
    assert [seen.body["id"] for seen in backend.posts()] == [report_id, report_id]


def test_a_failure_over_there_is_told_and_not_taken_for_a_text(client: Any, backend: FakeBackend) -> None:
    backend.held = True
    report_id = ask(client)
    report = until(lambda: backend.reports.get(report_id))
    report.error = "the model completed no section"
    report.tell("failed", {"detail": report.error, "retryable": True}, "failed")
    done = ended(client, report_id)
    assert (done["status"], done["error_message"]) == ("failed", "the model completed no section")
    assert client.get(f"/api/reports/{report_id}").json["report"] is None


@pytest.mark.parametrize(
    ("refusal", "shown"),
    [
        ((401, {"detail": "Invalid API key"}), "the backend did not accept this dashboard's key"),
        (
            (422, {"detail": [{"loc": ["body", "ticker"], "msg": "is required"}]}),
            "the backend rejected the request (HTTP 422): rejected fields: body.ticker",
        ),
        ((409, {"detail": f"taken by {KEY}"}), "the backend rejected the request (HTTP 409): taken by ***"),
    ],
)
def test_a_refusal_ends_the_report_with_its_reason(
    client: Any, backend: FakeBackend, refusal: tuple[int, dict[str, Any]], shown: str
) -> None:
    backend.refusal = refusal
    done = ended(client, ask(client))
    assert (done["status"], done["error_message"]) == ("failed", shown)
    assert len(backend.posts()) == 1


def test_hostile_text_stays_text(client: Any, backend: FakeBackend) -> None:
    backend.text = "<script>alert(1)</script><img src=x onerror=alert(2)>\u2028\ud83d"
    report_id = ask(client, "ZZZT")
    ended(client, report_id)
    answer = client.get(f"/api/reports/{report_id}")
    assert answer.content_type == "application/json"
    assert "<script>alert(1)</script>" in answer.json["report"]["sections"]["risk_analysis"]
    download = client.get(f"/reports/{report_id}.md")
    assert download.content_type == "text/markdown; charset=utf-8"
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in download.headers["Content-Disposition"]


def test_the_fictional_company_survives_the_trip(client: Any, backend: FakeBackend) -> None:
    assert ended(client, ask(client, "zzzt"))["status"] == "completed"
    sent = backend.posts()[0].body
    assert sent["company_data"]["longBusinessSummary"] is None
    assert sent["financial_data"]["netIncomeToCommon"] == -98765432109
    assert "株式会社" in sent["company_data"]["longName"]
    assert "NaN" not in json.dumps(sent)

"""Draft sections of a running report, and the figures of a finished one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, ended, until

Start = Callable[[dict[str, str]], Dashboard]


def full(client: Any, report_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/reports/{report_id}").json
    return found


def test_sections_can_be_read_while_the_rest_is_written_and_after_a_restart(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held = True
    first = start(environ)
    client: Any = first.app.test_client()
    report_id = ask(client)
    until(lambda: report_id in backend.reports)
    backend.reports[report_id].write(2)
    until(lambda: len(full(client, report_id)["draft"]) == 2)
    assert full(client, report_id)["report"] is None
    first.close()
    client = start(environ).app.test_client()
    assert list(full(client, report_id)["draft"]) == ["executive_summary", "financial_analysis"]
    backend.reports[report_id].write(5, begin=3)
    backend.reports[report_id].finish()
    assert ended(client, report_id)["status"] == "completed"
    assert full(client, report_id)["draft"] == {}


def test_figures_say_where_they_come_from(client: Any, backend: FakeBackend) -> None:
    rows = [
        {"label": "Revenue", "fact_id": "totalRevenue", "value": 391035000000.0, "display": "$391.03B",
         "unit": "money", "as_of": None, "source": "financial_data"},
        {"label": "Net debt", "fact_id": "netDebt", "value": 1.0, "display": "$1.00", "unit": "money",
         "as_of": "2024-09-28", "source": "derived: totalDebt - totalCash"},
    ]  # fmt: skip
    tables = [{"section": "x", "title": "t", "rows": rows}, {"rows": [*rows, 7, {"fact_id": 3}]}, "nonsense"]
    backend.metadata = {"report": {"tables": tables}}
    report_id = ask(client)
    assert ended(client, report_id)["status"] == "completed"
    revenue, debt = full(client, report_id)["figures"]
    assert "Form 10-K" in revenue["source"]
    assert (revenue["as_of"], revenue["derived"]) == ("2024-09-28", False)
    assert (debt["source"], debt["derived"]) == ("derived: totalDebt - totalCash", True)


def test_figures_have_filing_and_link_and_say_when_another_contradicts_them(client: Any, backend: FakeBackend) -> None:
    row = {"label": "Revenue", "fact_id": "totalRevenue", "value": 1.0, "display": "$1.00", "unit": "money"}
    said = {"as_of": None, "source": "SEC EDGAR", "filing": "Form 10-K/A", "link": "https://example.com/a"}
    backend.metadata = {"report": {"tables": [{"rows": [{**row, **said, "fact_id": "own", "contradicted": True}]}]}}
    report_id = ask(client)
    ended(client, report_id)
    (figure,) = full(client, report_id)["figures"]
    assert figure["source"] == "SEC EDGAR, Form 10-K/A, contradicted by another figure"
    assert figure["link"] == "https://example.com/a"


def test_a_report_without_tables_has_no_figures(client: Any, backend: FakeBackend) -> None:
    backend.metadata = {"report": {"tables": 7}}
    report_id = ask(client)
    ended(client, report_id)
    assert full(client, report_id)["figures"] == []

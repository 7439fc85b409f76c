"""Cost of a report: its share of the machine's time, also over several machines and attempts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.reports.costs import Span, share
from ert_dashboard.storage.sql.tables import VERSION
from ert_dashboard.web.app import Dashboard
from tests.dashboard.test_dashboard_fleet import cut
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import entry, listed
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.doubles.postgres import Server

Start = Callable[[dict[str, str]], Dashboard]
PRICED = {"draining": False, "price_per_hour": 1000, "clock_speed": 3.6}  # $1 a second


@pytest.mark.parametrize(
    ("own", "others", "seconds"),
    [
        ((0, 10), [], 10),
        ((0, 10), [(20, 30), (-5, 0), (10, 12)], 10),
        ((0, 10), [(0, 10)], 5),
        ((0, 10), [(-5, 4)], 8),
        ((0, 10), [(2, 6), (4, 20)], 2 + 1 + 2 / 3 + 2),
        ((5, 5), [(0, 10)], 0),
    ],
)
def test_a_second_is_divided_among_those_that_it_writes(own: Span, others: list[Span], seconds: float) -> None:
    assert share(own, others) == pytest.approx(seconds)


def test_all_shares_are_the_time_of_the_machine() -> None:
    spans = [(0.0, 7.0), (3.0, 9.0), (3.0, 4.0), (12.0, 13.0)]
    shares = [share(own, [one for one in spans if one is not own]) for own in spans]
    assert sum(shares) == pytest.approx(9 + 1)


@pytest.fixture
def two() -> Iterator[list[FakeBackend]]:
    found = [FakeBackend(), FakeBackend()]
    for backend in found:
        backend.held, backend.status = True, PRICED
    yield found
    for backend in found:
        backend.close()


def span(dashboard: Dashboard, report_id: str) -> Span:
    """Return when a finished report was written, to the millisecond."""
    job = dashboard.service.store.get(report_id)
    assert job is not None
    assert job.writing_since is not None
    assert job.finished is not None
    return job.writing_since, job.finished


def lasted(dashboard: Dashboard, report_id: str) -> float:
    begin, end = span(dashboard, report_id)
    return end - begin


def begun(client: Any, backend: FakeBackend, report_id: str) -> Any:
    """Write the first section, and return the report at the backend."""
    writing = until(lambda: backend.reports.get(report_id))
    writing.write(1)
    until(lambda: data(client, report_id)["sections_done"] == 1)
    return writing


def test_a_report_costs_what_it_was_written_for(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    backend.held, backend.status = True, PRICED
    dashboard = start(environ)
    client: Any = dashboard.app.test_client()
    report_id = ask(client)
    until(lambda: data(client, report_id)["queue_position"])
    assert data(client, report_id)["writing_since"] is None, "its turn has not come"
    begun(client, backend, report_id).finish()
    found = ended(client, report_id)
    assert found["cost_usd"] == pytest.approx(lasted(dashboard, report_id), abs=0.05)
    assert found["cost_usd"] > 0
    (line,) = client.get("/api/export").text.splitlines()
    assert json.loads(line)["data"]["cost_usd"] == found["cost_usd"]


def test_without_a_price_it_has_no_cost(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    client: Any = start(environ).app.test_client()
    assert ended(client, ask(client))["cost_usd"] is None


def test_the_price_may_be_the_operator_s(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    client: Any = start({**environ, "ERT_GPU_PRICE_PER_HOUR": "1000"}).app.test_client()
    assert ended(client, ask(client))["cost_usd"] > 0


def test_reports_that_are_written_at_once_share(two: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    dashboard = start(listed([entry(two[0], 2)], tmp_path))
    client: Any = dashboard.app.test_client()
    made = [ask(client), ask(client)]
    writing = [begun(client, two[0], one) for one in made]
    for one in writing:
        one.finish()
    found = [ended(client, one)["cost_usd"] for one in made]
    spans = [span(dashboard, one) for one in made]
    together = max(end for _, end in spans) - min(begin for begin, _ in spans)
    assert sum(found) == pytest.approx(together, abs=0.1)
    assert sum(found) < sum(end - begin for begin, end in spans)


def test_what_a_lost_machine_took_is_counted(two: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    dashboard = start(listed([entry(backend) for backend in two], tmp_path))
    client: Any = dashboard.app.test_client()
    report_id = ask(client)
    first = until(lambda: next((one for one in two if report_id in one.reports), None))
    begun(client, first, report_id)
    other = two[1 - two.index(first)]
    cut(first)
    again = until(lambda: next(iter(other.reports.values()), None), 30)
    before = data(client, report_id)["cost_usd"]
    assert before > 0
    again.write(len(again.request["sections"]))
    again.finish()
    found = ended(client, report_id)
    assert found["cost_usd"] == pytest.approx(before + lasted(dashboard, report_id), abs=0.05)


def test_an_aborted_report_has_cost_what_was_written(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.held, backend.status = True, PRICED
    dashboard = start(environ)
    client: Any = dashboard.app.test_client()
    report_id = ask(client)
    begun(client, backend, report_id)
    client.post(f"/api/reports/{report_id}/abort", json={})
    assert ended(client, report_id)["cost_usd"] > 0


def test_reports_of_the_release_before_have_no_cost_and_a_rollback_still_writes(
    environ: dict[str, str], start: Start, database: Server
) -> None:
    name = database.database()
    without = {key: value for key, value in environ.items() if key != "ERT_DASHBOARD_DB"}
    kept = {**without, "DATABASE_URL": database.url(name)}
    first = start(kept)
    done = ask(first.app.test_client())
    ended(first.app.test_client(), done)
    first.close()
    database.execute("DROP TABLE ert_words; ALTER TABLE ert_reports DROP writing_since, DROP cost", name)
    database.execute(f"UPDATE {VERSION} SET version_num = '0005'", name)
    second = start(kept)
    found = data(second.app.test_client(), done)
    assert (found["status"], found["cost_usd"], found["writing_since"]) == ("completed", None, None)
    second.close()
    columns = "report_id, ticker, company, label, created, owner, status, progress, detail, sections_done, request"
    rest = "sections_total, abort_requested"
    values = "'OLD-1', 'OLD', 'Old', 'Sample', 1, '', 'queued', 0, '', 0, '{}', 5, false"
    insert = f"INSERT INTO ert_reports ({columns}, {rest}) VALUES ({values})"  # as the release before does
    database.execute(insert, name)
    assert data(start(kept).app.test_client(), "OLD-1")["cost_usd"] is None

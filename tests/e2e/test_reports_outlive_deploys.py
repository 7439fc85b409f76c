"""Reports outlive the deploys that `ert-deploy` makes, with everything real but the two providers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.conftest import Place, run_sandbox
from tests.support.dashboard.following import until
from tests.support.doubles.postgres import PASSWORD, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
QUEUED = 12


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox that is slow enough for a dashboard that starts on a busy machine."""
    yield from run_sandbox(tmp_path, "toy", 15.0)


def set_variable(place: Place, name: str, value: str) -> None:
    """Set a variable of the service, as a user does on Render's own page."""
    url = f"{place.world.render_url}/services/{place.world.service_id}/env-vars/{name}"
    headers = {"Authorization": f"Bearer {place.world.render_key}"}
    requests.put(url, json={"value": value}, headers=headers, timeout=10).raise_for_status()


def ask(place: Place) -> str:
    answer = requests.post(f"{place.world.app_url}/api/generate", json={"ticker": "AAPL"}, timeout=10)
    return str(answer.json()["report_id"])


def statuses(place: Place) -> dict[str, str]:
    """Return the status of each report that the app knows."""
    found: Any = requests.get(f"{place.world.app_url}/api/reports?limit=100", timeout=10).json()
    return {report["report_id"]: report["status"] for report in found["reports"]}


def test_a_new_key_loses_no_report_kept_or_being_written(place: Place, database: Server) -> None:
    name = database.database()
    set_variable(place, "DATABASE_URL", database.url(name))
    set_variable(place, "ERT_DASHBOARD_WORKERS", "1")
    place.ert("up")
    kept = [ask(place) for _ in range(3)]
    until(lambda: [statuses(place)[one] for one in kept] == ["completed"] * 3, 120)
    writing = [ask(place) for _ in range(QUEUED)]
    ((owner,),) = database.execute("SELECT DISTINCT owner FROM ert_reports WHERE owner <> ''", name)

    said = place.ert("key", "rotate")

    assert set(statuses(place)) == {*kept, *writing}
    until(lambda: set(statuses(place).values()) == {"completed"}, 120)
    moved = database.execute(f"SELECT report_id FROM ert_reports WHERE owner <> '{owner}'", name)
    assert 0 < len(moved) <= QUEUED
    machine_wrote = database.execute("SELECT count(*) FROM ert_reports WHERE result IS NOT NULL", name)
    assert machine_wrote == [(len(kept) + QUEUED,)]
    assert PASSWORD not in said.stdout + said.stderr

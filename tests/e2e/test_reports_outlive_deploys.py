"""Reports outlive the deploys that `ert-deploy` makes, with everything real but the two providers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.world.rows import ServiceRow
from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.dashboard.following import until
from tests.support.doubles.postgres import PASSWORD, Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
QUEUED = 12
HEALTH = ("/health", "/health/worker")
STORES = "database: mine, key_value: live"
START = "python -m ert_dashboard --role {}"
MIGRATE = "python -m ert_dashboard.storage.sql.migrate"
ROWS = tuple(
    ServiceRow(name, START.format(role), MIGRATE, role == "worker", "mine", "live")
    for name, role in (("ert-dashboard", "web"), ("writer", "worker"))
)
SERVICES = f"""\
    - name: ert-dashboard
      timeout: 10m
      blueprint: {{role: web, {STORES}}}
    - name: writer
      timeout: 10m
      address: ADDRESS
      health_path: /health/worker
      blueprint: {{role: worker, {STORES}}}
"""


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


@pytest.mark.nightly  # `test_a_deploy_forgets_nothing` has all roles in one process
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


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Place]:
    """Run a web service and a worker of the dashboard on PostgreSQL and a key value store of the sandbox."""
    for made in run_sandbox(tmp_path, "toy", 15.0, ROWS):
        sample = SAMPLE.read_text()
        before, _, _ = sample.partition("    - name: ert-dashboard")
        text = before + SERVICES.replace("ADDRESS", made.world.app_url)
        (tmp_path / "mine.yaml").write_text(text.replace("speed: 20 ", "speed: 15 "))
        made.extra["ERT_CONFIG"] = "mine.yaml"
        yield made


def finished(place: Place, asked: list[str]) -> None:
    """Wait until exactly these reports are there, each of them complete."""
    until(lambda: statuses(place) == dict.fromkeys(asked, "completed"), 120, every=0.5)


def begun(place: Place) -> str:
    """Ask for a report and wait until the worker has taken it; the next deploy comes while it is written."""
    asked = ask(place)
    until(lambda: statuses(place)[asked] != "queued", 60, every=0.1)
    return asked


def agreed(place: Place) -> bool:
    """Return whether the only worker runs with what the web service runs with, as the web service tells."""
    page, workers = (requests.get(f"{place.world.app_url}{path}", timeout=10).json() for path in HEALTH)
    return bool(workers["workers"] == 1 and workers["fingerprint"] == page["fingerprint"] is not None)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_rotation_change_and_another_gpu_lose_nothing_of_a_web_service_and_a_worker(apart: Place) -> None:
    apart.ert("up", timeout=300)
    kept = [ask(apart) for _ in range(3)]
    finished(apart, kept)
    config = apart.folder / "mine.yaml"

    kept.append(begun(apart))
    apart.ert("key", "rotate", timeout=300)
    until(lambda: agreed(apart), 60, every=0.5)
    finished(apart, kept)

    kept.append(begun(apart))
    config.write_text(config.read_text().replace("timeout: 10m ", "timeout: 11m ").replace("10m\n", "11m\n"))
    assert "ERT_LLM_TIMEOUT" in apart.ert("up", timeout=300).stderr
    until(lambda: agreed(apart), 60, every=0.5)
    finished(apart, kept)

    (first,) = apart.instances()
    apart.ert("sleep", timeout=300)
    apart.ert("sandbox", "break", "gpu_taken")
    kept.append(begun(apart))  # it waits for the machine
    apart.ert("wake", timeout=300)
    assert first not in apart.instances()
    until(lambda: agreed(apart), 60, every=0.5)
    finished(apart, kept)
    assert len(kept) == 6
    apart.ert("down", timeout=300)
    assert apart.instances() == []

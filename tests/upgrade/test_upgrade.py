"""Upgrade from an earlier release with running processes: the current version must not replace or lose any resource.

The fixture is data (`recorded/`, made by `record.py`). The tests check what is relevant to an owner: the instance and
the costs, the variables of the app, the reports. State and marks may have additional fields.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.world.paths import images_folder
from tests.e2e.conftest import Place
from tests.e2e.test_main_job import others
from tests.support.upgrade.restored import Recording, Restored, restored, unpacked

RECORDED = Path(__file__).parent / "recorded"
KEY, FINGERPRINT = "ERT_LLM_API_KEY", "ERT_LLM_CONFIG_FINGERPRINT"

# The ports are fixed: a test may have to wait until they are closed by the one before.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


@pytest.fixture(scope="module", params=sorted(path.name for path in RECORDED.iterdir()))
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Return each recorded release."""
    return unpacked(RECORDED / request.param, tmp_path_factory.mktemp("release"))


@pytest.fixture
def running(recording: Recording, tmp_path: Path) -> Iterator[Owner]:
    """Return the owner of a recording with a running backend."""
    with restored(recording, tmp_path) as world:
        yield Owner(recording, world)


@pytest.fixture
def asleep(recording: Recording, tmp_path: Path) -> Iterator[Owner]:
    """Return the owner of a recording after `sleep`."""
    with restored(recording, tmp_path, asleep=True) as world:
        yield Owner(recording, world)


@pytest.fixture
def with_the_present_dashboard(recording: Recording, tmp_path: Path) -> Iterator[Owner]:
    """Return the owner of a recording with an app deployed from the current sources."""
    with restored(recording, tmp_path, dashboard=images_folder()) as world:
        yield Owner(recording, world)


class Owner(Place):
    """User of the restored files: runs the current CLI and has the previous values for comparison."""

    def __init__(self, recording: Recording, restored_world: Restored) -> None:
        super().__init__(restored_world.user, restored_world.world, extra={"ERT_CONFIG": "ert.yaml"})
        self.restored, self.recording = restored_world, recording
        self.instance = str(recording.instance["id"])
        self.state = self.folder / ".ert" / "ert-sandbox.json"
        self.reports_before = self.reports()
        assert self.reports_before, "the fixture holds reports"
        self.until(lambda: self.health() in ("healthy", "none"))

    def health(self) -> str:
        """Return the health of the only instance as reported by the CLI; "none" while it is stopped."""
        shown, _ = self.start("status", "--json").communicate(timeout=60)  # while it boots, it exits with 6
        (backend,) = json.loads(shown)["backends"]
        assert backend["instance"] == self.instance
        return "none" if backend["asleep"] else str(backend["health"])

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until a process is ready. Raises AssertionError after 60 seconds."""
        deadline = time.monotonic() + 60
        while not done():
            assert time.monotonic() < deadline, "the world did not come up"
            time.sleep(0.2)  # noqa: TID251 - real processes boot

    def app(self, path: str, **body: Any) -> Any:
        """Send a request to the app and return the JSON response."""
        method = "POST" if body else "GET"
        answer = requests.request(method, f"{self.world.app_url}{path}", json=body or None, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reports(self) -> dict[str, Any]:
        """Return the sections of every stored report by its id, as returned by the app."""
        ids = [row["report_id"] for row in self.app("/api/reports")["reports"]]
        return {id: self.app(f"/api/reports/{id}")["report"]["sections"] for id in ids}

    def nothing_replaced_or_lost(self) -> None:
        """Check that the recorded instance is the only one on the bill, and that all previous reports exist."""
        assert self.instances() in ([self.instance], [])
        assert [str(row["instance_id"]) for row in self.bill()["rows"]] == [self.instance]
        kept = self.reports()
        assert {id: kept.get(id) for id in self.reports_before} == self.reports_before


def runs_the_release(owner: Owner) -> None:
    """Check that machine and app run the code of the recorded release, not the current one."""
    images = owner.recording.images
    (machine,) = owner.restored.machine_processes().values()
    environment = dict(v.partition("=")[::2] for v in Path(f"/proc/{machine}/environ").read_text().split("\0"))
    path = map(Path, environment["PYTHONPATH"].split(os.pathsep))
    assert next(folder for folder in path if (folder / "ert_backend").is_dir()) == images / "llm-backend"
    assert Path(f"/proc/{owner.restored.app_process()}/cwd").readlink() == images / "dashboard"


def test_the_present_command_line_takes_a_running_world_over(running: Owner) -> None:
    runs_the_release(running)
    before, deploys = running.variables(), running.deploys()
    assert before == running.recording.service["variables"]
    assert deploys == [running.recording.service["deploy"]["id"]]
    processes = running.restored.machine_processes(), running.restored.app_process()

    assert "running" in running.ert("status").stdout
    running.ert("plan", "--exit-code")
    again = running.data("up")
    assert not again["changed"]
    assert [b["instance"] for b in again["backends"]] == [running.instance]
    assert (running.variables(), running.deploys()) == (before, deploys)
    assert (running.restored.machine_processes(), running.restored.app_process()) == processes

    running.data("key", "rotate")
    after = running.variables()
    assert {name for name in before if after[name] != before[name]} == {KEY, FINGERPRINT}
    assert running.data("report", "MSFT")["ticker"] == "MSFT"
    running.nothing_replaced_or_lost()

    running.ert("sleep", "--now")
    assert running.health() == "none"
    running.ert("wake")
    assert running.health() == "healthy"
    runs_the_release(running)
    assert not running.data("up")["changed"]
    assert running.variables() == after
    running.nothing_replaced_or_lost()

    running.ert("down")
    assert running.instances() == []
    assert running.bill()["running"] == []
    left = running.variables()
    assert KEY not in left
    assert others(left) == others(before)
    running.nothing_replaced_or_lost()


@pytest.mark.nightly  # the same program does so with its own state in `tests/e2e/test_shared_state.py`
def test_without_its_state_a_running_world_is_adopted_and_nothing_is_rented(running: Owner) -> None:
    before, deploys = running.variables(), running.deploys()
    running.state.unlink()
    adopted = running.data("up")
    assert [b["instance"] for b in adopted["backends"]] == [running.instance]
    assert (running.variables(), running.deploys()) == (before, deploys)
    running.nothing_replaced_or_lost()
    running.ert("down")
    assert running.bill()["running"] == []


@pytest.mark.nightly  # `tests/e2e/test_wakes_by_itself.py` wakes one of its own
def test_a_sleeping_world_wakes_on_its_own_disk(asleep: Owner) -> None:
    before, deploys = asleep.variables(), asleep.deploys()
    assert "asleep" in asleep.ert("status").stdout
    asleep.ert("wake")
    assert asleep.health() == "healthy"
    assert not asleep.data("up")["changed"]
    assert (asleep.variables(), asleep.deploys()) == (before, deploys)
    asleep.nothing_replaced_or_lost()


def test_one_backend_becomes_two_replicas_and_no_report_is_lost(with_the_present_dashboard: Owner) -> None:
    owner = with_the_present_dashboard
    before, config = owner.variables(), owner.folder / "ert.yaml"
    config.write_text(f"{config.read_text()}\nreplicas: 2\n")
    up = owner.data("up", timeout=250)
    first, second = up["backends"]
    assert first["instance"] == owner.instance
    assert owner.instances() == [first["instance"], second["instance"]]
    after = owner.variables()
    assert {name: after[name] for name in before} == before
    assert owner.app("/health")["backends"] == {"up": 2, "of": 2}
    assert owner.reports() == owner.reports_before
    made = owner.data("report", "MSFT")
    assert set(owner.reports()) == {*owner.reports_before, made["report_id"]}


def test_the_present_dashboard_keeps_the_reports_and_asks_the_old_backend(with_the_present_dashboard: Owner) -> None:
    owner = with_the_present_dashboard
    fixture = owner.recording.service["variables"]
    assert owner.app("/health")["fingerprint"] == fixture[FINGERPRINT]
    assert not owner.data("up")["changed"]
    made = owner.data("report", "MSFT")
    assert made["ticker"] == "MSFT"
    assert set(owner.reports()) == {*owner.reports_before, made["report_id"]}
    owner.nothing_replaced_or_lost()

"""A worker of the dashboard at the sandbox's Render: deployed like an app, and proved through its web service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ert_deploy.adapters.app.probe import HttpAppProbe
from ert_deploy.adapters.clock import CompressedClock
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.web import RenderWeb
from ert_deploy.sandbox.render.server import RenderDouble
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete, sealed
from tests.support.dashboard.processes import server_process
from tests.support.doubles.postgres import Server
from tests.support.render.world import KEY, QUICK, until

IMAGES = Path(__file__).parents[2] / "images"
SPEED = 60.0


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    found = FakeBackend()
    yield found
    found.close()


@pytest.fixture
def double(tmp_path: Path) -> Iterator[RenderDouble]:
    started = RenderDouble(WorldClock(speed=SPEED), tmp_path / "render", KEY, images=IMAGES, timeline=QUICK).start()
    yield started
    started.stop()


def made(double: RenderDouble, name: str, environ: dict[str, str]) -> tuple[str, str]:
    """Create a worker; return its id and that of its first deploy."""
    variables = [{"key": key, "value": value} for key, value in environ.items()]
    body = {"type": "background_worker", "name": name, "ownerId": double.owner_id, "envVars": variables}
    answer = requests.post(f"{double.url}/services", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
    assert answer.status_code == 201, answer.text
    assert "url" not in answer.json()["service"]["serviceDetails"]
    return answer.json()["service"]["id"], answer.json()["deployId"]


def followed(web: RenderWeb, service: str, deploy: str) -> WebDeploy:
    until(lambda: web.get_deploy(service, deploy).kind is not DeployKind.IN_FLIGHT)
    return web.get_deploy(service, deploy)


@pytest.mark.e2e
@pytest.mark.nightly
def test_a_worker_is_deployed_and_proved_through_its_web_service(
    double: RenderDouble, backend: FakeBackend, tmp_path: Path, database: Server
) -> None:
    clock = CompressedClock(SPEED, WorldClock(speed=SPEED).epoch_wall, 0.0)
    web, probe = RenderWeb(Secret(KEY), double.url, clock), HttpAppProbe(clock)
    environ = {**complete(backend, tmp_path), "DATABASE_URL": database.url(database.database())}
    with server_process({**environ, "ERT_DASHBOARD_ROLE": "web"}, tmp_path / "web") as process:
        address = f"http://127.0.0.1:{process.port}"
        target = Target("writer", address=address, health_path="/health/worker")
        assert probe.fingerprint(address, target) is None
        service, first = made(double, "writer", environ)
        assert followed(web, service, first).kind is DeployKind.LIVE
        read = web.service("writer")
        assert (read.id, read.url, read.unreachable) == (service, "", True)
        until(lambda: probe.fingerprint(address, target) == environ["ERT_LLM_CONFIG_FINGERPRINT"])
        changed = sealed({**environ, "ERT_LLM_TIMEOUT": "77"})
        for name in ("ERT_LLM_TIMEOUT", "ERT_LLM_CONFIG_FINGERPRINT"):
            web.put_env(service, name, Secret(changed[name]))
        started = web.deploy(service)
        assert started is not None
        assert followed(web, service, started.id).kind is DeployKind.LIVE
        # Only once the earlier process, which may still claim a report, has left.
        until(lambda: probe.fingerprint(address, target) == changed["ERT_LLM_CONFIG_FINGERPRINT"])
        until(lambda: len(web.instances(service)) == 1)
        (instance,) = web.instances(service)
        until(lambda: list(probe.fingerprints(address, target, 1)) == [instance])
        asked = requests.post(f"{address}/api/generate", json={"ticker": "AAPL"}, timeout=10).json()["report_id"]
        until(lambda: requests.get(f"{address}/api/reports/{asked}", timeout=10).json()["report"] is not None)


@pytest.mark.e2e
def test_a_worker_that_exits_fails_its_deploy(double: RenderDouble) -> None:
    web = RenderWeb(Secret(KEY), double.url, CompressedClock(SPEED, WorldClock(speed=SPEED).epoch_wall, 0.0))
    service, first = made(double, "alone", {})
    ended = followed(web, service, first)
    assert ended.kind is DeployKind.FAILED
    assert "status 2" in web.failure(web.service("alone"), ended)

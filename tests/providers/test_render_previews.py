"""Previews of pull requests: the real adapter against the sandbox's Render, and the dashboard with what they copy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from ert_dashboard.base.owned import Configuration
from ert_dashboard.settings import read_settings
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import connected
from ert_deploy.providers.render.web import RenderWeb
from tests.support.certificates.self_signed import certificate
from tests.support.fakes.timing import FakeClock
from tests.support.render.world import KEY, World, running, until


@pytest.fixture
def world() -> Iterator[World]:
    with running() as up:
        up.call("PATCH", "{s}", json={"serviceDetails": {"previews": {"generation": "automatic"}}})
        yield up


def opened(world: World, target: Target) -> tuple[str, dict[str, str]]:
    """Connect the service, open a pull request, and return the preview's id and the environment of its process."""
    for name, value in connected(target, "https://127.0.0.1:1", Secret("ert-" + "0" * 40), certificate()[0]).items():
        world.put(name, value.reveal())
    world.double.trouble({"kind": "pull_request", "number": 4})
    (row,) = world.get("/services", name="dashboard PR #4")
    url, found = row["service"]["serviceDetails"]["url"], row["service"]["id"]
    until(lambda: requests.get(url, timeout=5).status_code == 200)
    env: dict[str, str] = requests.get(url, timeout=5).json()["env"]
    return found, env


def test_a_preview_is_known_as_one_and_gets_a_copy_that_the_dashboard_does_not_use(world: World) -> None:
    web = RenderWeb(Secret(KEY), world.double.url, FakeClock(0.0))
    preview, env = opened(world, Target("dashboard"))
    service = web.service("dashboard")
    assert (service.id, service.preview_of, service.makes_previews) == (world.service, "", True)
    assert web.service(preview).preview_of == "dashboard"
    assert env["ERT_LLM_API_KEY"] == "ert-" + "0" * 40, "Render copies the key"
    assert (read_settings(env).configuration, read_settings(env).backends) == (Configuration.ABSENT, ())


def test_a_preview_uses_the_backend_where_the_target_lets_it(world: World) -> None:
    _, env = opened(world, Target("dashboard", previews=True))
    assert read_settings(env).configuration is Configuration.COMPLETE

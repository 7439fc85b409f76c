"""More machines by the queue: one that sleeps is woken while many reports wait for those that are up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.reports import lane_probe
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import entry, listed
from tests.support.dashboard.following import ask, data, until
from tests.support.dashboard.waking import hurry
from tests.support.doubles.agent import AgentDouble

Start = Callable[[dict[str, str]], Dashboard]
LOGIN = {"ERT_DASHBOARD_LOGIN_HEADER": "X-User", "ERT_DASHBOARD_TRUSTED_PROXIES": "127.0.0.1"}
WANTS_TWO = "POST /wake?machines=2"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(lane_probe, "EVERY_S", 0.05)


@pytest.fixture
def two() -> Iterator[list[FakeBackend]]:
    """Yield one that is up and writes no report to its end, and one that sleeps."""
    found = [FakeBackend(), FakeBackend()]
    for backend in found:
        backend.held = True
        backend.status = {"draining": False}
    found[1].sleep()
    yield found
    for backend in found:
        with suppress(OSError):
            backend.close()


@pytest.fixture
def agent(two: list[FakeBackend]) -> Iterator[AgentDouble]:
    found = AgentDouble(wakes_needed=2, woken=two[1].wake)
    yield found
    found.kill()


def visitor(start: Start, environ: dict[str, str], agent: AgentDouble) -> Any:
    client = start({**environ, **LOGIN, **agent.environ()}).app.test_client()
    client.environ_base["HTTP_X_USER"] = "somebody"
    return client


def test_one_more_is_woken_once_enough_wait_and_takes_its_share(
    two: list[FakeBackend], agent: AgentDouble, start: Start, tmp_path: Path
) -> None:
    client = visitor(start, listed([entry(backend) for backend in two], tmp_path), agent)
    until(lambda: client.get("/health").json["backends"] == {"up": 1, "of": 2})
    made = [ask(client) for _ in range(2)]
    until(lambda: data(client, made[0])["status"] not in ("queued", "preparing"))
    assert WANTS_TWO not in agent.asked, "one report that waits is not worth a machine"
    made += [ask(client) for _ in range(2)]
    until(lambda: WANTS_TWO in agent.asked, 20)
    until(lambda: len(two[1].reports) == 1, 20)
    asked = agent.wakes
    for backend in two:
        backend.held = False
        for report in list(backend.reports.values()):
            report.write(len(report.request["sections"]))
            report.finish()
    until(lambda: all(data(client, one)["status"] == "completed" for one in made), 20)
    assert agent.wakes <= asked + 1, "the requests end with the queue"


def test_without_a_login_nobody_has_a_machine_more(two: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    agent = AgentDouble()
    environ = listed([entry(backend) for backend in two], tmp_path) | agent.environ()
    client: Any = start(environ).app.test_client()
    until(lambda: client.get("/health").json["backends"] == {"up": 1, "of": 2})
    made = [ask(client) for _ in range(4)]
    until(lambda: len(two[0].reports) == 1)
    assert agent.wakes == 0
    assert len(made) == 4
    agent.kill()

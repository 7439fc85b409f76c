"""Rate limits that several processes count together, on a real Redis or Valkey, and each by itself without it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ert_dashboard.auth.password import hash_password
from ert_dashboard.base.clock import SystemClock
from ert_dashboard.base.secret import Secret
from ert_dashboard.market.edgar import Edgar
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import create_dashboard
from ert_dashboard.web.shared_limits import SharedLimits
from tests.support.dashboard.emptied import emptied
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import until
from tests.support.dashboard.manual_clock import WoundClock
from tests.support.doubles.key_value import KeyValueServer
from tests.support.doubles.postgres import Server


@pytest.fixture
def limits(key_value: KeyValueServer) -> Iterator[list[SharedLimits]]:
    """Return the limits of three processes."""
    found = [SharedLimits(Secret(key_value.url), SystemClock()) for _ in range(3)]
    yield found
    for one in found:
        one.close()


def test_a_burst_is_allowed_once_over_all_processes(limits: list[SharedLimits], request: Any) -> None:
    name = request.node.name
    limiters = [one.limiter(name, 0.01, 20) for one in limits]
    with ThreadPoolExecutor(9) as pool:
        waits = list(pool.map(lambda number: limiters[number % 3].take("client"), range(60)))
    assert waits.count(0) == 20
    assert all(90 < wait <= 100 for wait in waits if wait)
    assert limiters[0].take("another") == 0
    assert limits[0].limiter(f"{name}-2", 0.01, 1).take("client") == 0
    assert limits[0].limiter(name, 0, 0).take("client") == 0


def test_what_is_waited_for_is_allowed_then(limits: list[SharedLimits], request: Any) -> None:
    one, other = (limit.limiter(request.node.name, 10, 1) for limit in limits[:2])
    assert one.take() == 0
    wait = other.take()
    assert 0 < wait <= 0.1
    assert not threading.Event().wait(wait)
    assert other.take() == 0
    assert one.take() > 0


def test_without_the_store_each_process_counts_for_itself_and_then_together_again(
    limits: list[SharedLimits], key_value: KeyValueServer, request: Any, caplog: pytest.LogCaptureFixture
) -> None:
    clock = WoundClock()
    mine = [SharedLimits(Secret(key_value.url), clock) for _ in range(2)]
    one, other = (limit.limiter(request.node.name, 0.01, 2) for limit in mine)
    key_value.stop()
    try:
        assert [limiter.take() for limiter in (one, one, other, other)] == [0, 0, 0, 0]
        assert one.take() > 0
        assert caplog.text.count("each process") == 2  # one try each, not one a request
    finally:
        key_value.start()
    clock.go(10)
    assert [one.take(), other.take()] == [0, 0]
    assert one.take() > 90
    for limit in mine:
        limit.close()


def test_the_sec_is_asked_ten_times_a_second_by_all_together(limits: list[SharedLimits]) -> None:
    agents = [Edgar("Example ops@example.com", SystemClock(), limits=one.limiter) for one in limits]
    assert [agent._rates.take() > 0 for agent in agents] == [False, True, True]
    for agent in agents:
        agent.close()


def test_wrong_passwords_are_counted_over_all_processes(
    environ: dict[str, str], backend: FakeBackend, database: Server, key_value: KeyValueServer
) -> None:
    environ |= {
        "DATABASE_URL": emptied(database.url(database.database())),
        "REDIS_URL": key_value.url,
        "ERT_DASHBOARD_PASSWORD_HASH": hash_password("correct horse battery"),
    }
    made = [create_dashboard(read_settings(environ)) for _ in range(2)]
    clients = [dashboard.app.test_client() for dashboard in made]
    statuses: list[int] = []

    def tried(number: int) -> int:
        sent = clients[number % 2].post("/login", data={"password": "wrong"}, headers={"Origin": "http://localhost"})
        statuses.append(sent.status_code)
        return sent.status_code

    until(lambda: tried(len(statuses)) == 429)
    assert statuses == [401] * 5 + [429]
    for dashboard in made:
        dashboard.close()

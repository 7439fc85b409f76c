"""`/health/worker`: what the workers say of their configuration, as a web process reads it in the shared database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ert_dashboard.settings import read_settings
from ert_dashboard.web import workers
from ert_dashboard.web.app import Dashboard, create_dashboard
from tests.support.dashboard.emptied import emptied
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete, numbered, sealed
from tests.support.dashboard.manual_clock import WoundClock
from tests.support.doubles.postgres import Server

Start = Callable[[dict[str, str]], Dashboard]


@pytest.fixture(scope="module")
def one_database(database: Server) -> str:
    return database.url(database.database())


@pytest.fixture
def kept(backend: FakeBackend, tmp_path: Path, one_database: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the environment of a web process with an empty database, which is read at each call."""
    monkeypatch.setattr(workers, "CACHE_S", 0.0)
    environ = complete(backend, tmp_path)
    return {**environ, "DATABASE_URL": emptied(one_database), "ERT_DASHBOARD_ROLE": "web"}


def worker(kept: dict[str, str], instance: str) -> dict[str, str]:
    return {**kept, "ERT_DASHBOARD_ROLE": "worker", "RENDER_INSTANCE_ID": instance}


def asked(page: Any) -> tuple[int, str | None, str | None]:
    body = page.get("/health/worker").json
    return body["workers"], body["fingerprint"], body["instance"]


def test_the_fingerprint_is_shown_once_every_worker_has_it(kept: dict[str, str], start: Start) -> None:
    page = start(kept).app.test_client()
    assert asked(page) == (0, None, None)  # a web process is no worker
    old = {name: value for name, value in kept.items() if name != "ERT_LLM_CONFIG_FINGERPRINT"}
    before = start(worker(sealed({**old, "ERT_LLM_TIMEOUT": "77"}), "srv-w-old"))
    assert asked(page)[0] == 1
    assert asked(page)[1] not in (None, read_settings(kept).fingerprint)
    start(worker(kept, "srv-w-new"))
    assert asked(page)[:2] == (2, None)  # the old one may still take a report
    before.close()
    assert asked(page) == (1, read_settings(kept).fingerprint, "srv-w-new")


def test_each_of_several_workers_is_named_in_turn(kept: dict[str, str], start: Start) -> None:
    page = start(kept).app.test_client()
    for name in ("a", "b", "c"):
        start(worker(kept, name))
    assert [asked(page)[2] for _ in range(6)] == ["a", "b", "c"] * 2


def test_a_worker_whose_configuration_is_torn_proves_nothing(kept: dict[str, str], start: Start) -> None:
    page = start(kept).app.test_client()
    start(worker({**kept, "ERT_LLM_TIMEOUT": "77"}, "torn"))
    assert asked(page) == (1, None, "torn")


def test_a_further_set_is_shown_once_every_worker_has_it(kept: dict[str, str], start: Start) -> None:
    page = start(kept).app.test_client()
    further = numbered(kept, 3, REMOTE_LLM_INTEGRATION="false")
    start(worker(further, "new"))
    shown: Any = page.get("/health/worker").json
    assert shown["fingerprint"] == kept["ERT_LLM_CONFIG_FINGERPRINT"]
    assert shown["fingerprint_3"] == further["ERT_LLM_CONFIG_FINGERPRINT_3"]
    assert "fingerprint_2" not in shown
    start(worker(kept, "old"))
    shown = page.get("/health/worker").json
    assert (shown["workers"], shown["fingerprint"]) == (2, kept["ERT_LLM_CONFIG_FINGERPRINT"])
    assert "fingerprint_3" not in shown


def test_a_process_of_an_earlier_release_may_be_a_worker(kept: dict[str, str], start: Start) -> None:
    page = start(kept).app.test_client()
    start(worker(kept, "new"))
    with psycopg.connect(kept["DATABASE_URL"], autocommit=True) as session:
        session.execute("INSERT INTO ert_processes (owner, expires) VALUES ('earlier', now() + interval '1 minute')")
    assert asked(page)[:2] == (2, None)


def test_a_worker_counts_within_a_second_of_its_lease_and_no_longer_once_it_has_left(
    kept: dict[str, str], start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after a start there is none: the web host calls a worker live as soon as its process runs."""
    monkeypatch.setattr(workers, "CACHE_S", 1.0)
    clock = WoundClock()
    web = create_dashboard(read_settings(kept), clock=clock)
    try:
        page = web.app.test_client()
        assert asked(page) == (0, None, None)
        begun = start(worker(kept, "srv-w"))
        assert asked(page) == (0, None, None)  # what was read a moment before
        clock.go(1)
        assert asked(page) == (1, read_settings(kept).fingerprint, "srv-w")
        begun.close()
        clock.go(1)
        assert asked(page) == (0, None, None)
    finally:
        web.close()


def test_without_a_database_there_is_no_worker(client: Any) -> None:
    assert asked(client) == (0, None, None)

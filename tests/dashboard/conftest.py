"""Fixtures: a fake backend, its environment, and dashboards that are closed after the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base.secret import Secret
from ert_dashboard.settings import read_settings
from ert_dashboard.storage.interface import Store
from ert_dashboard.storage.sql.store import SqlStore
from ert_dashboard.storage.store import FileStore
from ert_dashboard.web.app import Dashboard, create_dashboard
from tests.support.dashboard.emptied import emptied
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.dashboard.stores import Open
from tests.support.doubles.postgres import Server


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    found = FakeBackend()
    yield found
    found.close()


@pytest.fixture
def environ(backend: FakeBackend, tmp_path: Path) -> dict[str, str]:
    """Return a complete configuration for the fake backend."""
    return complete(backend, tmp_path)


@pytest.fixture
def start() -> Iterator[Callable[[dict[str, str]], Dashboard]]:
    """Start dashboards from environments; close all after the test and check that no threads remain."""
    before = set(threading.enumerate())
    started: list[Dashboard] = []

    def begin(environ: dict[str, str]) -> Dashboard:
        started.append(create_dashboard(read_settings(environ)))
        return started[-1]

    yield begin
    for dashboard in started:
        dashboard.close()
    left = [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("report-")]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def dashboard(environ: dict[str, str], start: Callable[[dict[str, str]], Dashboard]) -> Dashboard:
    return start(environ)


@pytest.fixture
def client(dashboard: Dashboard) -> Any:
    return dashboard.app.test_client()


@pytest.fixture(scope="module")
def url(database: Server) -> Secret:
    return Secret(database.url(database.database()))


@pytest.fixture(params=["file", "postgres"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open the same store again and again, as processes do one after the other and side by side."""
    opened: list[Store] = []
    if request.param == "postgres":
        url = request.getfixturevalue("url")
        emptied(url.reveal())

        def one(**options: Any) -> Store:
            opened.append(SqlStore(url, **options))
            return opened[-1]

    else:

        def one(**options: Any) -> Store:
            opened.append(FileStore(tmp_path / "reports.sqlite3", **options))
            return opened[-1]

    yield one
    for store in opened:
        store.close()

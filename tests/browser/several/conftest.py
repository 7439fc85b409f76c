"""Fixtures: the dashboard is two instances behind a round robin, with a database and Redis or Valkey."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_dashboard.auth.password import hash_password
from tests.support.browser.several import PASSWORD, TwoInstances
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.doubles.key_value import KeyValueServer
from tests.support.doubles.postgres import Server


@pytest.fixture
def environ(
    backend: FakeBackend,
    tmp_path: Path,
    database: Server,
    key_value: KeyValueServer,
    request: pytest.FixtureRequest,
) -> dict[str, str]:
    login = {"ERT_DASHBOARD_PASSWORD_HASH": hash_password(PASSWORD)} if "login" in request.node.name else {}
    stores = {"DATABASE_URL": database.url(database.database()), "REDIS_URL": key_value.url}
    return {**complete(backend, tmp_path, 60), "ERT_GPU_PRICE_PER_HOUR": "0.31", **stores, **login}


@pytest.fixture
def dashboard(environ: dict[str, str], tmp_path: Path) -> Iterator[TwoInstances]:
    with TwoInstances(environ, tmp_path).serving() as found:
        yield found
    assert not re.search(r'File ".*/ert_dashboard/', found.log())
    assert KEY not in found.log()

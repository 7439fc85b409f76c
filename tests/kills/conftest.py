"""Fixtures: a new `Stage` for each test, and the processes that start its commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kills.runner import Nursery
from tests.kills.stage import Stage, stage
from tests.support.doubles import moto_s3


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


@pytest.fixture(scope="session")
def second_nursery() -> Iterator[Nursery]:
    """Return another `Nursery`, for concurrent commands."""
    with Nursery() as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, nursery: Nursery) -> Iterator[Stage]:
    with stage(tmp_path / "stage", nursery) as made:
        yield made


@pytest.fixture(scope="session")
def s3() -> Iterator[tuple[Any, str]]:
    with moto_s3.running() as url:
        client = moto_s3.client(url)
        yield client, url
        client.close()

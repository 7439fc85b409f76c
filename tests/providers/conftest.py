"""Set-up of the tests of the providers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.vast.wire import Wire, scripted


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A scripted Vast and a client of it."""
    with scripted() as made:
        yield made

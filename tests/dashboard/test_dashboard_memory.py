"""Memory of the worker with 50 connected clients. `make bench-dashboard` measures the exact figures."""

from __future__ import annotations

from typing import Any

import pytest
from simple_websocket import ConnectionClosed

from benchmarks.dashboard import SOCKETS, dashboard, open_page, resident_mb


def drain(page: Any) -> None:
    """Receive all frames until the server disconnects."""
    while page.receive(5) is not None:
        pass


@pytest.mark.e2e
def test_fifty_open_pages_fit_into_a_small_plan() -> None:
    with dashboard() as running:
        pages = [open_page(running.port) for _ in range(SOCKETS)]
        assert resident_mb(running.worker) < 150  # the documented limit is 120
        for page in pages[::2]:  # the others remain connected and must not delay the shutdown
            page.close()
    for page in pages[1::2]:
        with pytest.raises(ConnectionClosed):
            drain(page)

"""Jobs for the tests of a store, and stores that act at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ert_dashboard.storage.interface import Store
from ert_dashboard.storage.job import Job

Open = Callable[..., Store]


def job(store: Store, number: int = 1, **fields: Any) -> Job:
    made = Job(f"AAPL-{number}", "AAPL", "Apple", "sample data", 1000.0 + number, store.owner)
    return replace(made, **fields)


def together(stores: list[Store], act: Callable[[Store], None]) -> None:
    """Have all stores do the same at the same time."""
    start = threading.Barrier(len(stores))

    def one(store: Store) -> None:
        start.wait(10)
        act(store)

    threads = [threading.Thread(target=one, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

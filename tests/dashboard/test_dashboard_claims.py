"""Claims for a backend: its weight holds over all processes, and a report goes back to the backend that has it."""

from __future__ import annotations

from ert_dashboard.storage.interface import Store
from ert_dashboard.storage.job import NOBODY, Job, Status
from tests.support.dashboard.stores import Open, job, together


def test_a_backend_has_at_most_its_weight_over_all_processes(opens: Open) -> None:
    stores = [opens() for _ in range(3)]
    for number in range(1, 13):
        stores[0].add(job(stores[0], number, owner=NOBODY))
    claimed: list[Job] = []

    def claim(store: Store) -> None:
        for backend in ("b", "c", "b"):
            found = store.claim(backend, limit=2)
            claimed.extend([] if found is None else [found])

    together(stores, claim)
    assert sorted(one.report_id for one in claimed) == sorted(f"AAPL-{number}" for number in range(1, 5))
    stored = [store.get(one.report_id) for one in claimed for store in stores[:1]]
    assert sorted(one.backend for one in stored if one is not None and one.backend) == ["b", "b", "c", "c"]
    assert stores[0].claim("b", limit=2) is None


def test_a_job_goes_back_to_the_backend_that_has_it(opens: Open) -> None:
    store, beside = opens(), opens()
    for number in (1, 2):
        store.add(job(store, number, owner=NOBODY))
    first = store.claim("b", limit=1)
    assert first is not None
    assert (first.report_id, first.backend) == ("AAPL-1", None)
    store.change("AAPL-1", owner=NOBODY, status=Status.QUEUED)
    assert beside.claim("c", own=True) is None
    second = beside.claim("c", others=["b"])
    assert second is not None
    assert second.report_id == "AAPL-2"
    assert beside.claim("c", others=["b", "d"]) is None
    again = beside.claim("b", own=True)
    assert again is not None
    assert (again.report_id, again.backend) == ("AAPL-1", "b")
    beside.change("AAPL-1", owner=NOBODY)
    moved = store.claim("c", others=["d"])
    assert moved is not None
    assert (moved.report_id, moved.backend) == ("AAPL-1", "b")

"""Contract of the dashboard's store: one suite for the SQLite file and for a real PostgreSQL."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from ert_dashboard.storage.interface import (
    MOST_FETCHED,
    MOST_SAMPLES,
    MOST_SECTIONS,
    RESUMING,
    Event,
    Store,
    StoreClosed,
)
from ert_dashboard.storage.job import NOBODY, Job, Status
from tests.support.dashboard.stores import Open, job, together

NASTY = 'a\0b \ud83d "quoted" \N{GREEK SMALL LETTER ALPHA}'


def test_a_job_comes_back_as_it_was(opens: Open) -> None:
    store = opens()
    request = {"ticker": "AAPL", "company_data": {"name": NASTY, "n": [1, 2.5, None, True]}}
    made = job(store, detail="Waiting", request=request)
    store.add(made)
    assert store.get("AAPL-1") == made
    assert store.get("AAPL-2") is None
    assert store.unfinished() == [made]
    assert store.counts() == (0, 1)


def test_changes_are_seen_by_all_and_end_with_the_job(opens: Open) -> None:
    store, beside = opens(), opens()
    store.add(job(store))
    fields: dict[str, Any] = {"progress": 40, "position": 2, "started": 5.5, "last_event": "6"}
    fields["status"] = Status.GENERATING
    changed = store.change("AAPL-1", **fields)
    assert changed == job(store, **fields) == beside.get("AAPL-1")
    assert store.counts() == (1, 0)
    result = {"sections": {"risk_analysis": NASTY}, "generation_time": 1.5}
    done = store.change("AAPL-1", status=Status.COMPLETED, finished=9.5, result=result, abort_requested=True)
    assert done is not None
    assert (done.result, done.over, done.abort_requested) == (result, True, True)
    assert store.change("AAPL-1", status=Status.FAILED) is None
    assert store.change("AAPL-9", progress=1) is None
    assert beside.get("AAPL-1") == done
    with pytest.raises(ValueError, match="no field"):
        store.change("AAPL-1", nothing=1)


def test_text_that_a_database_refuses_is_replaced(opens: Open) -> None:
    store = opens()
    store.add(job(store))
    changed = store.change("AAPL-1", error="a\0b")
    assert changed is not None
    assert changed.error in ("a\0b", "a\ufffdb")
    store.drafts.of("AAPL-1").keep("risk", NASTY)
    assert store.drafts.of("AAPL-1").sections() == {"risk": 'a\ufffdb ? "quoted" \N{GREEK SMALL LETTER ALPHA}'}


def test_only_the_owner_changes_a_job(opens: Open) -> None:
    store, beside = opens(), opens()
    store.add(job(store))
    assert beside.change("AAPL-1", progress=50) is None
    assert beside.unfinished() == []
    assert beside.counts() == (0, 1)  # of all processes
    assert beside.requeue(50.0) == []
    draft = store.drafts.of("AAPL-1")
    draft.keep("risk", "text")
    foreign = beside.drafts.of("AAPL-1")
    foreign.keep("risk", "other")
    foreign.keep("more", "other")
    foreign.clear()
    assert draft.sections() == foreign.sections() == {"risk": "text"}


def test_each_waiting_job_is_claimed_by_one_process_oldest_first(opens: Open) -> None:
    stores = [opens() for _ in range(3)]
    for number in range(1, 13):
        stores[0].add(job(stores[0], number, owner=NOBODY))
    assert [stores[1].unfinished(), stores[1].requeue(50.0)] == [[], []]
    assert list(stores[1].open_ids()) == [f"AAPL-{number}" for number in range(1, 13)]
    claimed: dict[str, list[Job]] = {store.owner: [] for store in stores}

    def claim(store: Store) -> None:
        while (found := store.claim()) is not None:
            claimed[store.owner].append(found)

    together(stores, claim)
    for store in stores:
        assert store.unfinished() == claimed[store.owner]  # thus in the order of their age
    assert sum(len(found) for found in claimed.values()) == 12


def test_a_job_is_put_back_into_the_queue(opens: Open) -> None:
    store, beside = opens(), opens()
    store.add(job(store))
    changed = store.change("AAPL-1", owner=NOBODY)
    assert changed is not None
    assert store.change("AAPL-1", progress=5) is None
    found = beside.claim()
    assert found is not None
    assert found.owner == beside.owner


def test_an_abort_reaches_a_job_of_any_process(opens: Open) -> None:
    store, beside = opens(), opens()
    store.add(job(store, 1, status=Status.GENERATING))
    store.add(job(store, 2, owner=NOBODY, detail="Waiting"))
    running, waiting = beside.abort("AAPL-1", 50.0), beside.abort("AAPL-2", 50.0)
    assert running is not None
    assert (running.status, running.abort_requested, running.finished) == (Status.ABORTING, True, None)
    assert waiting is not None
    assert (waiting.status, waiting.finished, waiting.error, waiting.detail) == (Status.ABORTED, 50.0, "aborted", "")
    assert (store.to_abort(), beside.to_abort()) == (["AAPL-1"], [])
    assert [beside.abort(report_id, 60.0) for report_id in ("AAPL-2", "AAPL-9")] == [None, None]
    store.change("AAPL-1", status=Status.ABORTED)
    assert store.to_abort() == []
    assert store.claim() is None


def test_one_request_key_is_one_job(opens: Open) -> None:
    stores = [opens() for _ in range(4)]
    keyed = [job(store, number, owner=NOBODY, request_key="key-12345") for number, store in enumerate(stores, 1)]
    added: list[Job] = []
    together(stores, lambda store: added.append(store.add(keyed[stores.index(store)])))
    assert len({one.report_id for one in added}) == 1
    (only,) = stores[0].latest()
    assert {one.report_id for one in added} == {only.report_id}
    found = stores[1].by_key("key-12345")
    assert found is not None
    assert found.report_id == only.report_id
    assert stores[1].by_key("another") is None
    stores[0].add(job(stores[0], 8, request_key="another"))
    stores[0].add(job(stores[0], 9))  # without a key: any number
    stores[0].add(job(stores[0], 10))
    assert len(stores[0].latest()) == 4


def test_the_jobs_of_a_process_that_is_gone_wait_again(opens: Open) -> None:
    first = opens()
    numbers = range(1, 9)
    for number in numbers:
        first.add(job(first, number, status=Status.GENERATING, abort_requested=number == 7))
    first.change("AAPL-8", status=Status.COMPLETED)
    first.drafts.of("AAPL-1").keep("risk", "so far")
    first.close()
    others = [opens() for _ in range(3)]
    found: list[Job] = []
    together(others, lambda store: found.extend(store.requeue(50.0)))
    assert sorted(one.report_id for one in found) == [f"AAPL-{number}" for number in numbers[:-1]]
    aborted = {one.report_id: (one.status, one.finished, one.error) for one in found if one.over}
    assert aborted == {"AAPL-7": (Status.ABORTED, 50.0, "aborted")}
    waiting = [one for one in found if not one.over]
    assert {(one.owner, one.status, one.detail) for one in waiting} == {(NOBODY, Status.QUEUED, RESUMING)}
    claimed = others[0].claim()
    assert claimed is not None
    assert (claimed.report_id, claimed.owner) == ("AAPL-1", others[0].owner)
    assert others[0].drafts.of("AAPL-1").sections() == {"risk": "so far"}
    assert first.owner not in {one.owner for one in others[1].latest() if not one.over}


def test_sections_are_kept_in_the_order_in_which_they_came(opens: Open) -> None:
    store = opens()
    store.add(job(store))
    draft = store.drafts.of("AAPL-1")
    for name in ("b", "a", "b"):
        draft.keep(name, f"{name}{len(draft.sections())}")
    assert list(draft.sections().items()) == [("b", "b2"), ("a", "a1")]
    for number in range(MOST_SECTIONS + 5):
        draft.keep(f"s{number}", "x")
    assert len(draft.sections()) == MOST_SECTIONS
    store.drafts.of("AAPL-9").keep("b", "of no job")
    assert store.drafts.of("AAPL-9").sections() == {}
    draft.clear()
    assert draft.sections() == {}


def test_the_oldest_finished_jobs_are_deleted_over_the_limit(opens: Open) -> None:
    store = opens(keep=2)
    for number in range(1, 5):
        store.add(job(store, number))
        if number > 1:
            store.change(f"AAPL-{number}", status=Status.FAILED)
    store.add(job(store, 5))
    assert [found.report_id for found in store.latest()] == ["AAPL-5", "AAPL-4", "AAPL-3", "AAPL-1"]


def test_old_jobs_expire_with_their_sections_once_they_are_finished(opens: Open) -> None:
    store = opens()
    for number, finished in enumerate((100.0, 200.0, None), 1):
        store.add(job(store, number))
        store.drafts.of(f"AAPL-{number}").keep("risk", "text")
        if finished:
            store.change(f"AAPL-{number}", status=Status.FAILED, finished=finished)
    assert [store.expire(before) for before in (100.0, 150.0, 150.0)] == [0, 1, 0]
    assert [found.report_id for found in store.latest()] == ["AAPL-3", "AAPL-2"]
    assert [len(store.drafts.of(f"AAPL-{number}").sections()) for number in (1, 2, 3)] == [0, 1, 1]


def test_the_list_is_light_and_newest_first(opens: Open) -> None:
    store = opens()
    for number in (1, 2, 3):
        store.add(job(store, number, request={"big": "x" * 1000}))
    store.change("AAPL-2", status=Status.COMPLETED, result={"sections": {"a": "x" * 1000}})
    found = store.latest(2)
    assert [one.report_id for one in found] == ["AAPL-3", "AAPL-2"]
    assert [(one.request, one.result) for one in found] == [({}, None), ({}, {})]


def test_a_finished_job_is_deleted_with_its_sections(opens: Open) -> None:
    store = opens()
    store.add(job(store))
    store.drafts.of("AAPL-1").keep("risk", "text")
    assert not store.delete("AAPL-1")
    store.change("AAPL-1", status=Status.FAILED)
    assert store.delete("AAPL-1")
    assert not store.delete("AAPL-1")
    assert store.get("AAPL-1") is None
    assert store.drafts.of("AAPL-1").sections() == {}


def test_the_usual_duration_is_that_of_the_last_completed(opens: Open) -> None:
    store = opens()
    assert store.typical_seconds() is None
    for number, length in enumerate((10.0, 30.0, 20.0), 1):
        store.add(job(store, number))
        store.change(f"AAPL-{number}", status=Status.COMPLETED, started=100.0, finished=100.0 + length)
    assert store.typical_seconds() == 20.0


def test_login_sessions(opens: Open) -> None:
    store = opens()
    for number, (tag, end) in enumerate((("old", 500.0), ("tag", 50.0), ("tag", 500.0))):
        store.logins.put(f"key{number}", tag, end, now=10.0 + 50 * number)
    assert opens().logins.find("key2") == ("tag", 500.0)
    assert [store.logins.find(f"key{number}") for number in (0, 1)] == [None, None]
    store.logins.delete("key2")
    assert store.logins.find("key2") is None


def test_cached_figures_samples_and_the_audit_are_bounded(opens: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opens()
    store.fetched.keep("first", "[1]", 1.0)
    store.fetched.keep("first", "[2]", 2.0)
    assert store.fetched.look("first") == ("[2]", 2.0)
    assert store.fetched.look("other") is None
    store.samples.keep(60.0, 5.0)
    store.samples.keep(90.0, None)
    store.samples.keep(120.0, 65.0)
    assert store.samples.latest() == [(90.0, None), (120.0, 65.0)]
    store.audit.add(Event(1.0, "login", "192.0.2.1"))
    store.audit.add(Event(2.0, "report deleted", "a\0b", "AAPL-1"))
    assert store.audit.latest(1) == [Event(2.0, "report deleted", "a\ufffdb", "AAPL-1")]
    assert len(store.audit.latest()) == 2
    for name, rows in (("MOST_FETCHED", MOST_FETCHED), ("MOST_SAMPLES", MOST_SAMPLES), ("MOST_EVENTS", 2)):
        assert rows > 1
        for module in modules_of(store):
            monkeypatch.setattr(module, name, 2)
    for number in range(3, 6):
        store.fetched.keep(f"k{number}", "[]", float(number))
        store.samples.keep(60.0 * number, 1.0)
        store.audit.add(Event(float(number), "logout", "192.0.2.1"))
    assert [store.fetched.look(key) is None for key in ("first", "k3", "k4", "k5")] == [True, True, False, False]
    assert [at for at, _ in store.samples.latest()] == [240.0, 300.0]
    assert [event.at for event in store.audit.latest()] == [5.0, 4.0]


def modules_of(store: Store) -> list[Any]:
    """Return the modules that hold the limits of a store."""
    return [sys.modules[type(store.fetched).__module__]]


def test_a_closed_store_says_so(opens: Open) -> None:
    store = opens()
    store.close()
    with pytest.raises(StoreClosed):
        store.latest()
    store.close()


def test_one_living_process_is_the_waker(opens: Open) -> None:
    first, second = opens(), opens()
    assert [first.waker.hold(), second.waker.hold(), first.waker.hold()] == [True, False, True]
    second.waker.leave()
    assert not second.waker.hold(), "only the waker gives the role back"
    first.waker.leave()
    assert [second.waker.hold(), first.waker.hold()] == [True, False]
    second.close()
    assert first.waker.hold(), "the role ends with its process"


def test_processes_that_reach_for_the_role_together_are_one_waker(opens: Open) -> None:
    stores = [opens() for _ in range(6)]
    barrier, held = threading.Barrier(len(stores)), list[bool]()

    def reach(store: Store) -> None:
        barrier.wait()
        held.append(store.waker.hold())

    threads = [threading.Thread(target=reach, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == [False] * 5 + [True]


def test_requests_to_wake_are_counted_for_all_processes(opens: Open) -> None:
    one, other = opens(), opens()
    assert not one.waker.wanted(1000)
    assert [one.waker.ask(1000, 1100, 2), other.waker.ask(1050, 1150, 2)] == [0, 0]
    assert [one.waker.wanted(1099), other.waker.wanted(1100)] == [True, False]
    assert other.waker.ask(1200, 1300, 2) == 0
    other.waker.settle()
    assert not one.waker.wanted(1201)
    assert one.waker.ask(1300, 1400, 2) == pytest.approx(3300)
    assert one.waker.ask(1300, 1400, 0) == 3600
    assert one.waker.ask(4601, 4700, 2) == 0


def test_a_problem_of_waking_is_seen_by_all_and_fades(opens: Open) -> None:
    one, other = opens(), opens()
    assert one.waker.problem(1000) == ""
    one.waker.hold()
    one.waker.tell("the day's budget is spent", 1000)
    assert other.waker.problem(1599) == "the day's budget is spent"
    assert other.waker.problem(1601) == ""
    other.waker.ask(1100, 1200, 2)
    assert one.waker.problem(1100) == "", "a new request gets a new answer"

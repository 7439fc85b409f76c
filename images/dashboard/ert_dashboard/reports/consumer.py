"""Report consumer: takes the oldest waiting job of the queue for each of its threads, and has a `Worker` run it.

The queue is the store, and all processes share it: a job is claimed only when a thread is free for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from ert_dashboard.backend.fleet import Fleet, Lane
from ert_dashboard.base.interrupt import Interrupt, Reason
from ert_dashboard.reports.worker import Ledger, Worker
from ert_dashboard.storage.interface import ABORTED, Store, StoreClosed, StoreTrouble
from ert_dashboard.storage.job import Job, Status

_LOG = logging.getLogger(__name__)
_AFTER_TROUBLE_S = 1.0
_ENDING = 4  # threads for the reports that a backend with weight 0 still has


class Loops:
    """Threads of one component that repeat their work until `close()`; an error of the store ends none."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.closing = False
        self._troubled = False
        self._threads: list[threading.Thread] = []

    def start(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._forever, args=(body,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _forever(self, body: Callable[[], None]) -> None:
        while not self.closing:
            try:
                body()
                self._troubled = False
            except StoreClosed:
                return
            except StoreTrouble as error:
                if not self._troubled:
                    _LOG.warning("the report store cannot be used: %s", error)
                self._troubled = True
                self.pause(_AFTER_TROUBLE_S)

    def pause(self, seconds: float) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.closing, timeout=seconds)

    def end(self) -> None:
        """Have each loop end after its present round."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()

    def join(self, wait_s: float) -> None:
        for thread in self._threads:
            thread.join(wait_s)


class CallLoop:
    """One thread that repeats a round, and the call of that round, which `close` cuts off."""

    def __init__(self) -> None:
        self._loops = Loops()
        self._call: Interrupt | None = None

    def _begin(self, name: str, body: Callable[[], None]) -> None:
        self._loops.start(name, body)

    def close(self, wait_s: float) -> None:
        """End the thread; a request that is under way is cut off."""
        self._loops.end()
        with self._loops.changed:
            call = self._call
        if call is not None:
            call.cut(Reason.CLOSING)
        self._loops.join(wait_s)

    @contextmanager
    def _calling(self) -> Iterator[Interrupt | None]:
        """Give the interrupt of a call; None when closing."""
        with Interrupt() as call:
            with self._loops.changed:
                closing = self._loops.closing
                self._call = None if closing else call
            try:
                yield None if closing else call
            finally:
                with self._loops.changed:
                    self._call = None


class Consumer:
    """Threads that run jobs, one at a time each: as many for each backend as its weight, else `threads`.

    A weight may grow, as the backend reports it. Where it has shrunk, the store gives out no report beyond it.
    """

    def __init__(self, store: Store, ledger: Ledger, worker: Worker, fleet: Fleet, threads: int) -> None:
        self._store = store
        self._ledger = ledger
        self._worker = worker
        self._fleet = fleet
        self._count = threads
        self._loops = Loops()
        self._running: dict[str, Interrupt] = {}
        self._threads: dict[Lane, int] | None = None

    def start(self) -> None:
        self._threads = dict.fromkeys(self._fleet.lanes, 0)
        self._staff()

    def _staff(self) -> None:
        """Start the threads that are missing; none before `start`."""
        if self._threads is None:
            return
        for at, lane in enumerate(self._fleet.lanes):
            with self._loops.changed:
                wanted = self._count if lane.weight is None else lane.weight or _ENDING
                missing = range(self._threads[lane], 0 if self._loops.closing else wanted)
                self._threads[lane] += len(missing)
                for number in missing:
                    self._loops.start(f"report-{at}-{number}", partial(self._work_on, lane))

    def close(self, wait_s: float) -> None:
        self._loops.end()
        with self._loops.changed:
            interrupts = list(self._running.values())
        for interrupt in interrupts:
            interrupt.cut(Reason.CLOSING)
        self._loops.join(wait_s)

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def look(self) -> None:
        """Have the free threads look into the queue now, and one more for each place that a backend has more."""
        self._staff()
        with self._loops.changed:
            self._loops.changed.notify_all()

    def cut(self, report_id: str) -> None:
        """Interrupt a job whose abort is stored, if it runs here."""
        with self._loops.changed:
            interrupt = self._running.get(report_id)
        if interrupt is not None:
            interrupt.cut(Reason.ABORT)

    def cut_aborted(self) -> None:
        """Interrupt the jobs of this process that were aborted in another one."""
        for report_id in self._store.to_abort():
            self.cut(report_id)

    def _work_on(self, lane: Lane) -> None:
        taken = self._next(lane)
        if taken is None:
            return
        job, interrupt = taken
        try:
            with interrupt:
                if self._worker.run(job, interrupt, lane):
                    self.look()
        except (StoreClosed, StoreTrouble):
            raise
        except Exception:  # an unexpected error fails one job, not the worker
            _LOG.exception("report %s failed with an unexpected error", job.report_id)
            self._ledger.finish(job.report_id, Status.FAILED, error="an unexpected error in the dashboard")
        finally:
            with self._loops.changed:
                if self._running.get(job.report_id) is interrupt:
                    del self._running[job.report_id]

    def _next(self, lane: Lane) -> tuple[Job, Interrupt] | None:
        """Wait for a job and return the oldest that this backend is to have; None when closing."""
        with self._loops.changed:
            while not self._loops.closing:
                job = self._left(lane) or self._claimed(lane)
                if job is None:
                    self._loops.changed.wait()
                elif job.abort_requested:
                    self._ledger.finish(job.report_id, Status.ABORTED, error=ABORTED)
                else:
                    return job, self._begun(job.report_id)
        return None

    def _claimed(self, lane: Lane) -> Job | None:
        """Take a job of the queue; one that this backend has already is taken also where it gets no new one."""
        if self._fleet.takes(lane):
            return self._store.claim(lane.name, limit=lane.weight, others=self._fleet.keeping(lane))
        return self._store.claim(lane.name, own=True) if self._fleet.goes_on(lane) else None

    def _begun(self, report_id: str) -> Interrupt:
        """Return the interrupt of a job that begins; after a freeze, another thread may still run it."""
        before = self._running.get(report_id)
        if before is not None:
            before.cut(Reason.TAKEN)
        self._running[report_id] = Interrupt()
        return self._running[report_id]

    def _left(self, lane: Lane) -> Job | None:
        """Return a job of this process and backend that no thread runs: an error of the store interrupted it."""
        only = len(self._fleet.lanes) == 1
        mine = (job for job in self._store.unfinished() if only or job.backend in (lane.name, None))
        return next((job for job in mine if job.report_id not in self._running), None)

"""Report queue: submits, runs, aborts and adopts jobs. The store is the queue; a `Worker` does the work.

A restart loses nothing: unfinished jobs continue under the same id as soon as the process that owned them has exited.
At most `max_queue` jobs wait. Listeners are called after a change is stored.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ert_dashboard.backend.client import BackendClient
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt, Reason
from ert_dashboard.market.model import Company, report_request
from ert_dashboard.reports.worker import Ledger, Listener, Worker
from ert_dashboard.storage.interface import Store, StoreClosed, StoreTrouble
from ert_dashboard.storage.job import DEFAULT_SECTIONS, Job, Status

_LOG = logging.getLogger(__name__)
_ADOPT_EVERY_S = 5.0
_AFTER_TROUBLE_S = 1.0
_SHOWN = 20  # reports that a page lists


class QueueFull(Exception):
    """Raised when `max_queue` jobs are waiting."""


@dataclass(frozen=True)
class DeskLimits:
    """Limits: `max_queue` waiting jobs, `workers` concurrent jobs, `wake_s` seconds to wait for a sleeping backend."""

    max_queue: int
    workers: int
    wake_s: float


class ReportDesk:
    """All jobs of this process. Without a client (no usable backend) jobs wait, and can only be aborted."""

    def __init__(self, store: Store, client: BackendClient | None, clock: Clock, limits: DeskLimits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._ledger = Ledger(store, clock)
        self._worker = Worker(self._ledger, store, client, clock, limits.wake_s) if client else None
        self._wakeup = threading.Condition()
        self._closing = False
        self._running: dict[str, Interrupt] = {}
        self._known_counts = (0, 0)
        self._others: dict[str, Job] = {}
        self._threads: list[threading.Thread] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener(job)` after each change, in the thread that made the change."""
        self._ledger.listeners.append(listener)

    def start(self) -> None:
        """Adopt the jobs of earlier processes and start the threads (none without a backend).

        Jobs in a shared database are left to a process that has a backend.
        """
        if self._worker is not None or not self._store.outlives_deploys:
            self.adopt()
        if self._worker is None:
            return
        for number in range(self._limits.workers):
            self._thread(f"report-{number}", self._work_on)
        self._thread("adopt", self._keep_adopting)

    def close(self, wait_s: float = 5.0) -> None:
        """Stop the threads, waiting up to `wait_s` for each. The next process adopts the unfinished jobs."""
        with self._wakeup:
            self._closing = True
            interrupts = list(self._running.values())
            self._wakeup.notify_all()
        for interrupt in interrupts:
            interrupt.cut(Reason.CLOSING)
        for thread in self._threads:
            thread.join(wait_s)

    def submit(self, company: Company) -> Job:
        """Add a job to the queue; raise `QueueFull`."""
        job = Job(
            report_id=_new_id(company.ticker),
            ticker=company.ticker,
            company=company.name,
            label=company.label(),
            created=self._clock.wall(),
            owner=self._store.owner,
            detail="Waiting",
            request=report_request(company, list(DEFAULT_SECTIONS)),
        )
        with self._wakeup:
            if self.counts()[1] >= self._limits.max_queue:
                raise QueueFull
            self._store.add(job)
            self._ledger.tell(job)
            self._wakeup.notify_all()  # workers and the adopting thread wait on the same condition
        return job

    def abort(self, report_id: str) -> Job | None:
        """Abort a job of this process and return its new state; None if it is not active in this process."""
        with self._wakeup:
            interrupt = self._running.get(report_id)
            if interrupt is not None:
                job = self._ledger.change(report_id, status=Status.ABORTING, abort_requested=True)
                interrupt.cut(Reason.ABORT)
                return job
            waiting = self._store.get(report_id)
            if waiting is None or waiting.owner != self._store.owner:
                return None
            return self._ledger.finish(report_id, Status.ABORTED, abort_requested=True, error="aborted")

    def abort_all(self) -> list[str]:
        """Abort all active jobs of this process, and return their ids."""
        active = self._store.unfinished()
        return [job.report_id for job in active if self.abort(job.report_id) is not None]

    def counts(self) -> tuple[int, int]:
        """Return the number of running and of waiting jobs of this process."""
        self._known_counts = self._store.counts()
        return self._known_counts

    def known_counts(self) -> tuple[int, int]:
        """Return `counts()` without asking a database: some seconds old then, and also there while it is away."""
        return self._known_counts if self._store.outlives_deploys else self.counts()

    def waiting(self) -> dict[str, int]:
        """Return the queue position of each waiting job, starting at 0."""
        queued = [job for job in self._store.unfinished() if job.status is Status.QUEUED]
        return {job.report_id: place for place, job in enumerate(queued)}

    def adopt(self) -> list[str]:
        """Adopt the unfinished jobs of processes that have exited, and return their ids."""
        with self._wakeup:  # no worker takes a job before its status is set
            adopted = [job.report_id for job in self._store.adopt() if self._resume(job)]
            self._wakeup.notify_all()
        if adopted:
            _LOG.info("took over %d unfinished report(s): %s", len(adopted), ", ".join(adopted))
        return adopted

    def _resume(self, job: Job) -> bool:
        if job.abort_requested:
            return self._ledger.finish(job.report_id, Status.ABORTED, error="aborted") is not None
        detail = "Resuming after a restart"
        return self._ledger.change(job.report_id, status=Status.QUEUED, detail=detail) is not None

    def _thread(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._forever, args=(body,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _forever(self, body: Callable[[], None]) -> None:
        """Repeat `body` until closing. An error of the store never ends the thread."""
        while not self._closing:
            try:
                body()
            except StoreClosed:
                return
            except StoreTrouble:
                _LOG.exception("the report store could not be used")
                self._pause(_AFTER_TROUBLE_S)

    def _pause(self, seconds: float) -> None:
        with self._wakeup:
            self._wakeup.wait_for(lambda: self._closing, timeout=seconds)

    def _keep_adopting(self) -> None:
        self._pause(_ADOPT_EVERY_S)
        if not self._closing:
            self.adopt()
            self.counts()
            if self._store.outlives_deploys:
                self.tell_of_others()

    def tell_of_others(self) -> None:
        """Notify the listeners of what other processes have changed since the last call, for the pages of this one."""
        found = {job.report_id: job for job in self._store.latest(_SHOWN)}
        for report_id, job in found.items():
            if job.owner != self._store.owner and self._others.get(report_id) != job:
                self._ledger.tell(job)
        self._others = found

    def _work_on(self) -> None:
        taken = self._next()
        if taken is None or self._worker is None:
            return
        job, interrupt = taken
        try:
            with interrupt:
                self._worker.run(job, interrupt)
        except (StoreClosed, StoreTrouble):
            raise
        except Exception:  # an unexpected error fails one job, not the worker
            _LOG.exception("report %s failed with an unexpected error", job.report_id)
            self._ledger.finish(job.report_id, Status.FAILED, error="an unexpected error in the dashboard")
        finally:
            with self._wakeup:
                self._running.pop(job.report_id, None)

    def _next(self) -> tuple[Job, Interrupt] | None:
        """Wait for a job and return the oldest; None when closing.

        A job in progress that no thread runs was left by an error of the store, and is continued.
        """
        with self._wakeup:
            while not self._closing:
                for job in self._store.unfinished():
                    if job.report_id in self._running:
                        continue
                    if job.abort_requested:
                        self._ledger.finish(job.report_id, Status.ABORTED, error="aborted")
                        continue
                    interrupt = self._running[job.report_id] = Interrupt()
                    return job, interrupt
                self._wakeup.wait()
        return None


def _new_id(ticker: str) -> str:
    return f"{re.sub('[^A-Z0-9]', '_', ticker)}-{secrets.token_hex(8)}"

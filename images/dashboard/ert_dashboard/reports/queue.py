"""Report queue: submits, aborts and requeues jobs, and tells of their changes. The store is the queue of all processes.

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

from ert_dashboard.backend.fleet import Fleet
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.machine import Machine
from ert_dashboard.market.model import Company, report_request
from ert_dashboard.reports.consumer import Consumer, Loops
from ert_dashboard.reports.costs import Costs
from ert_dashboard.reports.follower import AddressFollower
from ert_dashboard.reports.resumption import key_of, resumption
from ert_dashboard.reports.waker import Waker
from ert_dashboard.reports.waking import Unwoken, Waking
from ert_dashboard.reports.worker import Ledger, Listener, Worker
from ert_dashboard.storage.interface import Store
from ert_dashboard.storage.job import DEFAULT_SECTIONS, NOBODY, Job, Status

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_REQUEUE_EVERY = 5  # looks
_EXPIRE_EVERY = 600
_SHOWN = 20  # reports that a page lists


class QueueFull(Exception):
    """Raised when `max_queue` jobs are waiting."""


@dataclass(frozen=True)
class DeskLimits:
    """Limits: `max_queue` waiting jobs, `workers` concurrent jobs, `wake_s` seconds to wait for a sleeping backend.

    `keep_s` is the time in seconds after which a finished report is deleted; None keeps it.
    """

    max_queue: int
    workers: int
    wake_s: float
    keep_s: float | None = None


class ReportDesk:
    """The queue as this process uses it. Without a fleet (a web process, or no usable backend) it writes no report."""

    def __init__(
        self,
        store: Store,
        fleet: Fleet | None,
        clock: Clock,
        limits: DeskLimits,
        *,
        waker: Waker | None = None,
        follower: AddressFollower | None = None,
        machine: Machine | None = None,
    ) -> None:
        """`machine` is what the operator has set of it."""
        self._store = store
        self._clock = clock
        self._limits = limits
        self._ledger = Ledger(store, clock)
        self.consumer: Consumer | None = None
        self.waking: Waking = waker or Unwoken()
        self._background: list[Waker | AddressFollower] = [] if follower is None else [follower]
        if fleet is not None:
            self._background += [] if waker is None else [waker]
            costs = Costs(store, clock, machine or Machine())
            worker = Worker(self._ledger, store, fleet, clock, wake_s=limits.wake_s, waking=self.waking, costs=costs)
            self.consumer = Consumer(store, self._ledger, worker, fleet, limits.workers)
        self._adding = threading.Lock()
        self._loops = Loops()
        self._looks = 0
        self._known_counts = (0, 0)
        self._others: dict[str, Job] = {}
        self._told_directly: Callable[[], bool] = lambda: False
        self._rounds: list[Callable[[], None]] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener(job)` after each change, in the thread that made the change."""
        self._ledger.listeners.append(listener)

    def told_directly(self, told: Callable[[], bool]) -> None:
        """Have `told()` say whether the pages of this process hear of the changes of other processes without it."""
        self._told_directly = told

    def each_round(self, act: Callable[[], None]) -> None:
        """Call `act()` every few seconds, in a thread of this desk."""
        self._rounds.append(act)

    def start(self) -> None:
        """Put the jobs of earlier processes back into the queue and start the threads.

        Jobs in a shared database are left to a process that has a backend.
        """
        self.expire()
        if self.consumer is not None or not self._store.outlives_deploys:
            self.requeue()
        if self.consumer is not None:
            self.consumer.start()
        for background in self._background:
            background.start()
        if self.consumer is not None or self._store.outlives_deploys:
            self._loops.start("watch", self._watch)

    def close(self, wait_s: float = 5.0) -> None:
        """Stop the threads, waiting up to `wait_s` for each. The next process takes over the unfinished jobs."""
        self._loops.end()
        if self.consumer is not None:
            self.consumer.close(wait_s)
        for background in self._background:
            background.close(wait_s)
        self._loops.join(wait_s)

    def submit(self, company: Company, request_key: str | None = None) -> Job:
        """Add a job to the queue, or return the one that was added with this key; raise `QueueFull`."""
        with self._adding:
            before = self._store.by_key(request_key) if request_key is not None else None
            if before is not None:
                return before
            return self._added(
                Job(
                    report_id=_new_id(company.ticker),
                    ticker=company.ticker,
                    company=company.name,
                    label=company.label(),
                    created=self._clock.wall(),
                    owner=NOBODY,
                    detail="Waiting",
                    request_key=request_key,
                    request=report_request(company, list(DEFAULT_SECTIONS)),
                )
            )

    def resume(self, ended: Job) -> Job:
        """Add a job for the sections that a failed or aborted report lacks, or return the one added before.

        Raises `QueueFull`, and `NothingKept` for a report without sections.
        """
        with self._adding:
            before = self._store.by_key(key_of(ended))
            if before is not None:
                return before
            sections = self._store.drafts.of(ended.report_id).sections()
            return self._added(resumption(ended, sections, _new_id(ended.ticker), self._clock.wall()))

    def _added(self, job: Job) -> Job:
        if self.counts()[1] >= self._limits.max_queue:
            raise QueueFull
        job = self._store.add(job)
        self._ledger.tell(job)
        self.look()
        return job

    def abort(self, report_id: str) -> Job | None:
        """Abort a job, in whichever process it is, and return its new state; None if it is finished."""
        job = self._store.abort(report_id, self._clock.wall())
        if job is not None:
            self._ledger.tell(job)
            if self.consumer is not None:
                self.consumer.cut(report_id)
        return job

    def abort_all(self) -> list[str]:
        """Abort all unfinished jobs, and return their ids."""
        return [report_id for report_id in self._store.open_ids() if self.abort(report_id) is not None]

    def counts(self) -> tuple[int, int]:
        """Return the number of running and of waiting jobs of all processes."""
        self._known_counts = self._store.counts()
        return self._known_counts

    def known_counts(self) -> tuple[int, int]:
        """Return `counts()` without asking a database: some seconds old then, and also there while it is away."""
        return self._known_counts if self._store.outlives_deploys else self.counts()

    def waiting(self) -> dict[str, int]:
        """Return the queue position of each waiting job, starting at 0."""
        queued = [report_id for report_id, status in self._store.open_ids().items() if status is Status.QUEUED]
        return {report_id: place for place, report_id in enumerate(queued)}

    def requeue(self) -> list[str]:
        """Put the unfinished jobs of processes that have exited back into the queue, and return their ids."""
        jobs = self._store.requeue(self._clock.wall())
        for job in jobs:
            self._ledger.tell(job)
        if jobs:
            _LOG.info("took over %d unfinished report(s): %s", len(jobs), ", ".join(job.report_id for job in jobs))
            self.look()
        return [job.report_id for job in jobs]

    def expire(self) -> None:
        """Delete the reports that are older than they are kept."""
        if self._limits.keep_s is not None:
            gone = self._store.expire(self._clock.wall() - self._limits.keep_s)
            if gone:
                _LOG.info("deleted %d report(s) that were older than they are kept", gone)

    def look(self) -> None:
        """Have free threads of this process look into the queue now."""
        if self.consumer is not None:
            self.consumer.look()

    def _watch(self) -> None:
        """Look once at what other processes did: jobs they queued, aborted or left behind, and changes to tell of."""
        self._loops.pause(_LOOK_EVERY_S)
        if self._loops.closing:
            return
        self._looks += 1
        running, waiting = self.counts()
        if self.consumer is not None:
            if waiting or (running and not self.consumer.busy):
                self.consumer.look()
            if self.consumer.busy:
                self.consumer.cut_aborted()
        if self._looks % _EXPIRE_EVERY == 0:
            self.expire()
        if self._looks % _REQUEUE_EVERY == 0:
            if self.consumer is not None:
                self.requeue()
            if self._store.outlives_deploys and not self._told_directly():
                self.tell_of_others()
            for act in self._rounds:
                act()

    def tell_of_others(self) -> None:
        """Notify the listeners of what other processes have changed since the last call, for the pages of this one."""
        found = {job.report_id: job for job in self._store.latest(_SHOWN)}
        for report_id, job in found.items():
            if job.owner != self._store.owner and self._others.get(report_id) != job:
                self._ledger.tell(job)
        self._others = found


def _new_id(ticker: str) -> str:
    return f"{re.sub('[^A-Z0-9]', '_', ticker)}-{secrets.token_hex(8)}"

"""Job queue: bounded, one report at a time; each job is identified by an id and tracked by events.

Nothing here depends on HTTP or a language model. Jobs are kept in memory only; their clients keep the requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterator
from statistics import median
from typing import Any, Protocol

from ert_backend.base.clock import boot_seconds, utc_now
from ert_backend.base.report_request import ReportRequest, safe_name
from ert_backend.engine.protocol import EngineError
from ert_backend.reports.job import (
    FINAL,
    Conflict,
    Draining,
    Job,
    QueueFull,
    Status,
    TooCostly,
    WriterBroke,
    WriterLost,
)

KEPT = 200
PROGRESS_EVERY = 1.0


class Admission(Protocol):
    """Decides whether new work is admitted, and records it."""

    def begin(self) -> bool:
        """Count one more report in flight; False when none may be started."""
        ...

    def progress(self) -> None:
        """Record progress of a report."""
        ...

    def end(self) -> None:
        """Count one report less in flight."""
        ...


Tell = Callable[[str, dict[str, object]], None]
Write = Callable[[ReportRequest, str, Tell], Coroutine[Any, Any, dict[str, Any]]]


class Jobs:
    """The queue. `limit` is the number of waiting jobs without the active one; times are in seconds."""

    def __init__(
        self, write: Write, admission: Admission, limit: int, fresh_for: float, deadline: float, *, grace: float = 15.0
    ) -> None:
        self.write, self.admission = write, admission
        self.limit, self.fresh_for, self.deadline, self.grace = limit, fresh_for, deadline, grace
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self.waiting: deque[Job] = deque()
        self.active: Job | None = None
        self.task: asyncio.Task[dict[str, Any]] | None = None
        self.wake = asyncio.Event()
        self.draining = False
        self.handing_back = False
        self.total = 0
        self.told_at = 0.0
        self.durations: deque[float] = deque([30.0], maxlen=16)
        self._same: dict[str, str] = {}

    def submit(self, request: ReportRequest, job_id: str | None) -> Job:
        """Return the job of this id, new or known; raise Conflict, QueueFull or Draining."""
        fingerprint = request.fingerprint()
        known = self.jobs.get(job_id) if job_id else None
        if known is not None and known.fingerprint != fingerprint:
            raise Conflict(job_id)
        job = known or self._add(request, fingerprint, job_id or new_id(request.ticker))
        job.kept = True
        return job

    def submit_same(self, request: ReportRequest, key_id: str) -> Job:
        """Like `submit`, but a duplicate of the same key joins the job that is in flight or was just finished.

        Old clients repeat a request after every failure, timeouts included.
        """
        same = f"{key_id}:{request.fingerprint()}"
        known = self.jobs.get(self._same.get(same, ""))
        if known is not None and self._fresh(known):
            return known
        job = self._add(request, request.fingerprint(), new_id(request.ticker))
        self._same[same] = job.id
        return job

    @contextlib.contextmanager
    def attend(self, job: Job) -> Iterator[None]:
        """Count an open connection for the job during the block.

        After the last one has closed, and none has opened within the grace period (old clients retry after a few
        seconds), a job that was not submitted in the background is cancelled: it would occupy the GPU without a client.
        """
        job.attended += 1
        try:
            yield
        finally:
            job.attended -= 1
            if not job.attended and not job.done.is_set():
                asyncio.get_running_loop().call_later(self.grace, self._cancel_unattended, job)

    def _cancel_unattended(self, job: Job) -> None:
        if not job.attended and not job.kept:
            self.cancel(job)

    def position(self, job: Job) -> int:
        """Return the position in the queue from 1, or 0 for a job that is not queued."""
        return self.waiting.index(job) + 1 if job in self.waiting else 0

    def retry_after(self) -> int:
        """Estimate the seconds until a place is free."""
        return max(1, min(600, round(median(self.durations) * (1 if self.active else 0.1))))

    def cancel(self, job: Job) -> None:
        """Cancel a job; no effect on one that is final."""
        if job is self.active and self.task is not None:
            self.task.cancel()
        elif job in self.waiting:
            self.waiting.remove(job)
            self._leave(job, Status.CANCELLED, "cancelled", {})
            self._tell_positions()

    def drain(self) -> None:
        """Accept no more jobs; queued ones are returned to their clients, the active one continues."""
        self.draining = True
        while self.waiting:
            self._hand_back(self.waiting.popleft())

    def give_up(self) -> None:
        """Return the active job to its client as well, because the machine stops before it is done."""
        if self.task is not None:
            self.handing_back = True
            self.task.cancel()

    async def work(self) -> None:
        """Process the queue; runs until cancelled."""
        while True:
            self.wake.clear()
            while self.waiting:
                await self._one(self.waiting.popleft())
            await self.wake.wait()

    def _add(self, request: ReportRequest, fingerprint: str, job_id: str) -> Job:
        if self.draining:
            raise Draining
        if len(self.waiting) >= self.limit:
            raise QueueFull(self.retry_after())
        if not self.admission.begin():
            raise Draining
        job = Job(job_id, request, fingerprint)
        self.jobs[job_id] = job
        self.waiting.append(job)
        job.tell("queued", {"position": len(self.waiting)})
        self._forget()
        self.wake.set()
        return job

    async def _one(self, job: Job) -> None:
        self.active, job.status = job, Status.RUNNING
        started = boot_seconds()
        job.tell("started", {})
        self._tell_positions()
        self.task = asyncio.create_task(self.write(job.request, job.id, lambda name, data: self._tell(job, name, data)))
        try:
            async with asyncio.timeout(self.deadline):
                job.result = await self.task
            self.total += 1
            self.durations.append(boot_seconds() - started)
            self._leave(job, Status.DONE, "done", {"report_id": job.id})
        except asyncio.CancelledError:
            if self.handing_back or _stopping():
                self._hand_back(job)
            else:
                self._leave(job, Status.CANCELLED, "cancelled", {})
            if _stopping():
                raise
        except TooCostly as error:
            job.refused = True
            self._fail(job, str(error), retryable=False)
        except WriterBroke as error:
            self._fail(job, f"internal error ({error})", retryable=False)
        except TimeoutError:
            self._fail(job, "the report took too long", retryable=True)
        except (EngineError, WriterLost) as error:
            self._fail(job, str(error), retryable=True)
        except Exception as error:
            self._fail(job, f"internal error ({type(error).__name__})", retryable=False)
        finally:
            self.active = self.task = None

    def _tell(self, job: Job, name: str, data: dict[str, object]) -> None:
        """Forward an event; progress is limited to once per PROGRESS_EVERY seconds, to spare followers and `board`."""
        now = boot_seconds()
        if name == "progress" and now - self.told_at < PROGRESS_EVERY:
            return
        self.told_at = now
        job.tell(name, data)
        self.admission.progress()

    def _fail(self, job: Job, detail: str, retryable: bool) -> None:
        job.error, job.retryable = detail, retryable
        self._leave(job, Status.FAILED, "failed", {"detail": detail, "retryable": retryable})

    def _hand_back(self, job: Job) -> None:
        """Fail a job as retryable: its client may submit it elsewhere, under the same id."""
        job.retryable = True
        self._leave(job, Status.FAILED, "draining", {"detail": "this machine is about to stop", "retryable": True})

    def _leave(self, job: Job, status: Status, name: str, data: dict[str, object]) -> None:
        job.finish(status, name, data)
        self.admission.end()

    def _fresh(self, job: Job) -> bool:
        if job.finished_at is None:
            return True
        return job.status is Status.DONE and boot_seconds() - job.finished_at <= self.fresh_for

    def _tell_positions(self) -> None:
        for place, job in enumerate(self.waiting, 1):
            job.tell("queued", {"position": place})

    def _forget(self) -> None:
        """Keep the newest jobs, and prefer uncollected ones; a job that is not final is always kept."""
        final = [job for job in self.jobs.values() if job.status in FINAL]
        for job in sorted(final, key=lambda job: not job.collected)[: max(0, len(self.jobs) - KEPT)]:
            del self.jobs[job.id]
        self._same = {same: job_id for same, job_id in self._same.items() if job_id in self.jobs}


def new_id(ticker: str) -> str:
    """Return `<TICKER>_<unix seconds>_<8 hex digits>`, safe in a path."""
    return f"{safe_name(ticker)}_{int(utc_now().timestamp())}_{secrets.token_hex(4)}"


def _stopping() -> bool:
    """Whether the worker itself was cancelled, and not only the job."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

"""Report worker: runs one job, stores its outcome, and cancels it on the backend after an abort or a timeout.

It does not access the queue; `ReportDesk` passes it a job and the interrupt that can cancel it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ert_dashboard.backend.errors import BackendError
from ert_dashboard.backend.fleet import Fleet, Lane
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason
from ert_dashboard.reports.costs import Costs, RunCost
from ert_dashboard.reports.markdown import word_count
from ert_dashboard.reports.resumption import carried_over, with_kept
from ert_dashboard.reports.runner import Elsewhere, Failed, ReportRun
from ert_dashboard.reports.waking import Waking
from ert_dashboard.storage.interface import ABORTED, Store
from ert_dashboard.storage.job import NOBODY, Job, Status

_LOG = logging.getLogger(__name__)
_CANCEL_S = 5.0
_TOOK_TOO_LONG = "the report took longer than allowed"
MOST_MOVES = 5  # of a report that was begun: perhaps it is what stops them
MOVING = "Waiting for another backend"
_NEVER_WOKE = "the backend did not become ready in time"

Listener = Callable[[Job], None]


class Ledger:
    """Stores changes of jobs, and then notifies the listeners."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.listeners: list[Listener] = []

    def change(self, report_id: str, **fields: Any) -> Job | None:
        """Call `Store.change` and notify the listeners."""
        changed = self._store.change(report_id, **fields)
        if changed is not None:
            self.tell(changed)
        return changed

    def finish(self, report_id: str, status: Status, **fields: Any) -> Job | None:
        """Finish a job; return None if it was already finished."""
        now = self._clock.wall()
        done = self.change(report_id, status=status, finished=now, detail="", position=None, **fields)
        if done is not None:
            _LOG.info("report %s %s%s", report_id, status, f": {done.error}" if done.error else "")
        return done

    def tell(self, job: Job) -> None:
        for listener in self.listeners:
            try:
                listener(replace(job, request={}))
            except Exception:  # a failing listener must not fail the job
                _LOG.exception("telling about report %s failed", job.report_id)


class Worker:
    """Runs jobs, one at a time in each thread."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        fleet: Fleet,
        clock: Clock,
        *,
        wake_s: float,
        waking: Waking,
        costs: Costs,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._fleet = fleet
        self._clock = clock
        self._wake_s = wake_s
        self._waking = waking
        self._costs = costs

    def run(self, job: Job, interrupt: Interrupt, lane: Lane) -> bool:
        """Run a job on a backend until it is finished; return whether it waits again, for another backend.

        A shutdown leaves it unfinished, and so does another process that took it.
        """

        cost = self._costs.of(job, lane)

        def progress(**fields: Any) -> Job:
            interrupt.check()
            changed = self._ledger.change(job.report_id, **fields, **cost.of_change(fields))
            if changed is None:
                raise Interrupted(Reason.TAKEN if self._taken(job.report_id) else Reason.ABORT)
            if changed.abort_requested:  # perhaps in another process
                raise Interrupted(Reason.ABORT)
            cost.saw(changed)
            return changed

        try:
            job = self._settled(job, progress, lane)
            result = self._written(job, progress, interrupt, lane)
            self._complete(cost.job, result, cost)
        except Elsewhere as reason:
            return self._given_back(job, str(reason), cost)
        except Failed as failure:
            self._ledger.finish(job.report_id, Status.FAILED, error=str(failure), **cost.end())
        except Interrupted as stop:
            self._interrupted(cost.job, stop.reason, lane, cost)
        finally:
            self._waking.ended(job.report_id)
        return False

    def _settled(self, job: Job, progress: Callable[..., Job], lane: Lane) -> Job:
        """Return the job as this backend gets it: what another one has written is kept, and not requested again."""
        strange = job.backend != lane.name and (job.backend is not None or (self._fleet.listed and job.accepted))
        if not strange:
            return job
        if not self._fleet.listed:  # the one machine has moved, or is another one now
            return progress(last_event=None)
        fields = carried_over(job, self._store.drafts.of(job.report_id).sections())
        if fields.get("moves", 0) > MOST_MOVES:
            raise Failed(f"{MOST_MOVES + 1} backends stopped while they wrote this report")
        return progress(**fields)

    def _given_back(self, job: Job, reason: str, cost: RunCost) -> bool:
        """Have the job wait again, for any process and backend; the sections that it has stay."""
        waits = {"status": Status.QUEUED, "detail": f"{MOVING}: {reason}", "position": None}
        fields = {**waits, **cost.end(), "writing_since": None}
        if self._ledger.change(job.report_id, owner=NOBODY, **fields) is None:
            return False
        _LOG.info("report %s goes to another backend: %s", job.report_id, reason)
        return True

    def _written(self, job: Job, progress: Callable[..., Job], interrupt: Interrupt, lane: Lane) -> Mapping[str, Any]:
        begun = job.started or self._clock.wall()
        progress(status=Status.FETCHING, detail="Collecting figures", progress=max(5, job.progress), started=begun)
        detail = "Handing over to the backend"
        ready = progress(status=Status.PREPARING, detail=detail, progress=max(10, job.progress))
        draft = self._store.drafts.of(job.report_id)
        run = ReportRun(
            ready,
            lane.client,
            progress,
            interrupt=interrupt,
            clock=self._clock,
            wake_s=self._wake_s,
            draft=draft,
            waking=self._waking,
            place=self._fleet.place(lane),
        )
        return run.write()

    def _complete(self, job: Job, result: Mapping[str, Any], cost: RunCost) -> None:
        sections = with_kept(job, result["sections"])
        self._ledger.finish(
            job.report_id,
            Status.COMPLETED,
            result={**result, "sections": sections},
            word_count=word_count(sections),
            progress=100,
            sections_done=len(sections),
            sections_total=len(sections),
            **cost.end(),
        )
        self._store.drafts.of(job.report_id).clear()

    def _interrupted(self, job: Job, reason: Reason, lane: Lane, cost: RunCost) -> None:
        if reason in (Reason.CLOSING, Reason.TAKEN) or self._taken(job.report_id):
            return
        if reason is Reason.ABORT:
            self._ledger.finish(job.report_id, Status.ABORTED, error=ABORTED, **cost.end())
        else:
            now = self._store.get(job.report_id)
            text = self._never_woke() if now is None or now.accepted is None else _TOOK_TOO_LONG
            self._ledger.finish(job.report_id, Status.FAILED, error=text, **cost.end())
        with Interrupt() as interrupt, contextlib.suppress(BackendError, Interrupted):
            interrupt.limit(_CANCEL_S)
            lane.client.cancel(job.sent_id, interrupt)

    def _never_woke(self) -> str:
        problem = self._waking.problem
        return f"{_NEVER_WOKE}: {problem}" if problem else _NEVER_WOKE

    def _taken(self, report_id: str) -> bool:
        """Whether another process continues the job: its request at the backend must not be canceled."""
        now = self._store.get(report_id)
        return now is not None and not now.over and now.owner != self._store.owner

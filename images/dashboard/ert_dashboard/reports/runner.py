"""Report runner: submits one job to the backend and follows it to its result, across backend failures.

Submissions use the dashboard's own id and are idempotent. Progress is read from a resumable event stream, or by polling
where there is none. A job that the backend lost is submitted again; a backend without these routes gets ERT's original
blocking call. The runner stores nothing itself: it passes changes to `save` and returns the result.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ert_dashboard.backend import protocol
from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.errors import PASSING, BackendError, KeyRefused, NotThere, Unavailable, WrongIdentity
from ert_dashboard.backend.fleet import Alone, Place
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt
from ert_dashboard.reports.progress import progress
from ert_dashboard.reports.resumption import keep, rest
from ert_dashboard.reports.waking import Pauses, Waking
from ert_dashboard.storage.interface import Draft
from ert_dashboard.storage.job import Job, Status

_LOG = logging.getLogger(__name__)
_POLL_S = 1.0
_MOST_RESUBMITS = 3
_LOOK_S = 30.0
STOPPING = "the backend is about to stop"


class Failed(Exception):
    """Raised when the job failed; the message is the reason and safe to display."""


class Elsewhere(Exception):
    """Raised when another backend has to write the report; the message is why this one does not."""


class _Forgotten(Exception):
    """Raised when the backend accepted the job but does not continue it: it restarted or is draining."""

    def __init__(self, *, draining: bool = False) -> None:
        super().__init__()
        self.draining = draining


class ReportRun:
    """Run of one job. `save(**fields)` stores fields of the job and returns its new state."""

    def __init__(
        self,
        job: Job,
        client: BackendClient,
        save: Callable[..., Job],
        *,
        interrupt: Interrupt,
        clock: Clock,
        wake_s: float,
        draft: Draft,
        waking: Waking,
        place: Place | None = None,
    ) -> None:
        """`wake_s` is the time to wait for a sleeping backend in seconds; `draft` receives each completed section."""
        self._waking = waking
        self._place = place or Alone()
        self._job = job
        self._client = client
        self._save_job = save
        self._interrupt = interrupt
        self._clock = clock
        self._wake_s = wake_s
        self._draft = draft
        self._polling = False
        self._seen = job.last_event

    def write(self) -> dict[str, Any]:
        """Return sections, metadata and generation time; raise `Failed`, `Elsewhere`, or `Interrupted`."""
        keep(self._job, self._draft)
        try:
            for _ in range(_MOST_RESUBMITS):
                try:
                    known = self._hand_over()
                    return self._legacy() if known is None else self._follow(known)
                except _Forgotten as gone:
                    if gone.draining and self._place.failed(Unavailable(STOPPING, asleep=True)):
                        raise Elsewhere(STOPPING) from None
                    _LOG.info("the backend does not continue report %s; the rest is requested", self._job.report_id)
                    self._polling, self._seen = False, None
                    left = rest(self._job, self._draft.sections(), self._clock.wall())
                    self._save(detail="The backend restarted", **left)
            raise Failed("the backend lost the report repeatedly")
        except BackendError as error:
            raise Failed(str(error)) from error

    def _save(self, **fields: Any) -> None:
        self._job = self._save_job(**fields)

    def _hand_over(self) -> protocol.Update | None:
        """Submit the job until the backend accepts it; return None if it supports only ERT's original interface."""
        self._limit()
        pauses = Pauses(self._interrupt, self._waking.longest_pause_s)
        while True:
            try:
                if self._job.accepted and self._draft.sections().keys() - self._job.kept.keys():
                    self._snapshot()  # one that does not know the report any more gets the rest alone
                known = self._client.submit(self._job.sent_id, self._job.sent, self._interrupt)
                if known.phase is protocol.Phase.DRAINING:
                    raise Unavailable(STOPPING)
            except NotThere:
                self._accepted()
                return None
            except PASSING as error:
                after = self._await(error)
                self._save(status=Status.PREPARING, detail=self._why_not(error))
                pauses.wait(after)
            else:
                self._accepted()
                return known

    def _await(self, error: BackendError) -> float | None:
        """Have the backend woken if it may be asleep; return the delay that it requested.

        Raises what does not pass, and `Elsewhere` if another backend is up.
        """
        if self._place.failed(error):
            raise Elsewhere(str(error)) from None
        lasts = isinstance(error, KeyRefused) or (isinstance(error, WrongIdentity) and not self._waking.moves)
        if self._place.alone and lasts:
            raise error
        if isinstance(error, WrongIdentity) or (isinstance(error, Unavailable) and error.asleep):
            self._waking.waits(self._job.report_id)
        return error.after if isinstance(error, Unavailable) else None

    def _accepted(self) -> None:
        self._waking.ended(self._job.report_id)
        self._place.responds()
        if self._job.accepted is None:
            self._save(accepted=self._clock.wall())
        self._limit()

    def _limit(self) -> None:
        """Set the deadline: the wake limit until the job is accepted, from then on its total time limit."""
        now = self._clock.wall()
        if self._job.accepted is None:
            self._interrupt.limit(self._wake_s - (now - (self._job.started or now)))
        else:
            left = self._client.total_s - (now - self._job.accepted)
            # A job adopted after a long downtime may be finished on the backend: leave time to fetch it.
            self._interrupt.limit(max(left, min(self._client.total_s, _LOOK_S)))

    def _why_not(self, error: BackendError) -> str:
        """Return the status line while waiting: the boot phase if the backend reports one, else the error."""
        try:
            status, health = self._client.health(self._interrupt)
        except BackendError:
            return f"Waiting: {self._waking.says(error)}"
        if status == 503:
            return f"Waiting: the backend is {protocol.boot_text(health)}"
        return f"Waiting: {error}"

    def _follow(self, known: protocol.Update) -> dict[str, Any]:
        self._show(known)
        if known.phase in protocol.ENDED:
            return self._ended(known)
        pauses = Pauses(self._interrupt, self._waking.longest_pause_s)
        while True:
            try:
                ended = self._poll() if self._polling else self._listen(pauses)
                if ended is not None:
                    return self._ended(ended)
            except PASSING as error:
                after = self._await(error)
                self._save(detail=f"Reconnecting: {self._waking.says(error)}")
                pauses.wait(after)

    def _listen(self, pauses: Pauses) -> protocol.Update | None:
        """Follow the event stream; return None if it is not supported, or after a pause if it broke off."""
        try:
            stream = self._client.events(self._job.sent_id, self._seen, self._interrupt)
            with contextlib.closing(stream):
                for event in stream:
                    pauses.reset()
                    self._place.responds()
                    self._seen = event.event_id or self._seen
                    update = protocol.read_event(event)
                    if update is not None:
                        if update.section and update.text:
                            self._draft.keep(update.section, update.text)
                        self._show(update)
                        if update.phase in protocol.ENDED:
                            return update
        except NotThere:
            self._polling = True
            return None
        pauses.wait()
        return None

    def _poll(self) -> protocol.Update | None:
        self._interrupt.wait(_POLL_S)
        update = self._snapshot()
        self._show(update)
        return update if update.phase in protocol.ENDED else None

    def _snapshot(self) -> protocol.Update:
        try:
            return self._client.snapshot(self._job.sent_id, self._interrupt)
        except NotThere as error:
            raise _Forgotten from error

    def _show(self, update: protocol.Update) -> None:
        """Store the changes of an update, if any."""
        self._waking.ended(self._job.report_id)
        if update.phase not in (protocol.Phase.QUEUED, protocol.Phase.RUNNING):
            return
        fields = progress(self._job, update)
        if fields:
            self._save(**fields, last_event=self._seen)

    def _ended(self, update: protocol.Update) -> dict[str, Any]:
        if update.phase is protocol.Phase.DRAINING:
            raise _Forgotten(draining=True)
        if update.phase is protocol.Phase.CANCELED:
            raise Failed(update.error or "the backend canceled the report")
        if update.phase is protocol.Phase.FAILED:
            raise Failed(update.error or "the backend could not write the report")
        self._save(status=Status.FINALIZING, detail="Fetching the text", progress=max(self._job.progress, 97))
        result: Mapping[str, Any] | None = update.result
        pauses = Pauses(self._interrupt, self._waking.longest_pause_s)
        while result is None:
            try:
                result = self._snapshot().result or {}
            except PASSING as error:
                pauses.wait(self._await(error))
        if not result:
            raise Failed("the backend finished without a text")
        return dict(result)

    def _legacy(self) -> dict[str, Any]:
        self._save(status=Status.GENERATING, detail="This backend reports no progress", progress=15)
        try:
            return self._client.generate_report(self._job.sent, self._interrupt)
        except Unavailable as error:
            raise Failed(f"{error}; this backend cannot resume a report") from error
        except NotThere as error:
            raise Failed("the backend has no known route for reports") from error

"""Store interface: what every store of the dashboard can do, and the errors of all of them. No I/O.

There are two: a SQLite file (`store`), which lasts as long as its disk, and PostgreSQL (`sql`), which outlasts deploys
and is shared by the processes that run side by side during one. `tests/dashboard/test_dashboard_stores.py` is the
contract of both.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from ert_dashboard.storage.job import Job, Status
from ert_dashboard.storage.process import Process
from ert_dashboard.storage.waker_row import WakerRow
from ert_dashboard.storage.word_rows import WordRows

ABORTED = "aborted"  # the error of a job that was aborted
RESUMING = "Resuming after a restart"  # the detail of a job that a process left
LONGEST_TEXT = 64 * 1024
MOST_SECTIONS = 32
MOST_FETCHED = 500
MOST_SAMPLES = 720
MOST_EVENTS = 10_000


class StoreClosed(Exception):
    """Raised when the store is used after `close()`, during the shutdown."""


class StoreTrouble(Exception):
    """Raised when the store does not respond or rejects a call; it may work again later. The text has no secret."""


class Draft(Protocol):
    """Sections of one running job, in the order in which they were first stored."""

    def keep(self, section: str, text: str) -> None:
        """Store a section, overwriting an earlier text of the same section. Only the owner of the job may."""
        ...

    def clear(self) -> None:
        """Delete all sections, as the job is restarted or finished. Only the owner of the job may."""
        ...

    def sections(self) -> dict[str, str]:
        """Return the sections so far: name -> Markdown text."""
        ...


class Drafts(Protocol):
    """Sections of all unfinished jobs: a preview that the final result supersedes."""

    def of(self, report_id: str) -> Draft: ...


class LoginRows(Protocol):
    """Rows of the login sessions: the hash of each token, the password's tag, and its end in Unix seconds."""

    def put(self, key: str, tag: str, expires: float, now: float) -> None:
        """Add a session; delete those that have expired, and those of another password."""
        ...

    def find(self, key: str) -> tuple[str, float] | None:
        """Return the tag and the end of a session; None if there is none."""
        ...

    def delete(self, key: str) -> None: ...


class FetchedRows(Protocol):
    """Cached figures: JSON text by key with the Unix time of the fetch; the oldest over `MOST_FETCHED` are deleted."""

    def look(self, key: str) -> tuple[str, float] | None: ...

    def keep(self, key: str, value: str, at: float) -> None: ...


class SampleRows(Protocol):
    """Samples of the machine's uptime for the cost estimate, at most one a minute and the last `MOST_SAMPLES`."""

    def keep(self, at: float, uptime: float | None) -> None:
        """Store a sample, overwriting an earlier one of the same minute."""
        ...

    def latest(self) -> list[tuple[float, float | None]]:
        """Return the samples, oldest first."""
        ...


@dataclass(frozen=True)
class Event:
    """One entry of the audit: Unix time, what was done, the client's address, and what it was done to."""

    at: float
    what: str
    client: str
    about: str = ""


class AuditRows(Protocol):
    """Audit of logins, deletions and wakes: only ever added to; the oldest over `MOST_EVENTS` are deleted."""

    def add(self, event: Event) -> None: ...

    def latest(self, limit: int = 100) -> list[Event]:
        """Return the newest entries, newest first."""
        ...


class Store(Protocol):
    """All that the dashboard remembers. Thread-safe. Any method raises `StoreClosed` or `StoreTrouble`.

    A waiting job has no owner: any process adds it, and one that writes reports claims it. Then only this owner changes
    it; when the owner is gone, the job waits again.
    """

    @property
    def owner(self) -> str:
        """The id of this process, a new one at each start."""
        ...

    @property
    def outlives_deploys(self) -> bool:
        """Whether a new deploy of the web host finds what is stored now."""
        ...

    @property
    def drafts(self) -> Drafts: ...

    @property
    def logins(self) -> LoginRows: ...

    @property
    def fetched(self) -> FetchedRows: ...

    @property
    def samples(self) -> SampleRows: ...

    @property
    def audit(self) -> AuditRows: ...

    @property
    def waker(self) -> WakerRow: ...

    @property
    def words(self) -> WordRows: ...

    def add(self, job: Job) -> Job:
        """Insert a job and delete the oldest finished ones over the limit.

        If a job with the same `request_key` exists, return that one and insert none.
        """
        ...

    def claim(
        self,
        backend: str | None = None,
        *,
        limit: int | None = None,
        others: Collection[str] = (),
        own: bool = False,
    ) -> Job | None:
        """Make this process the owner of the oldest job that has none, for one backend, and return it; else None.

        Jobs that `others` have are left to these; with `own`, all but those that this backend had. With a `limit`, this
        backend has at most so many jobs in all processes.
        `Job.backend` of what is returned is the one that had the job before; the store has the new one.
        """
        ...

    def abort(self, report_id: str, now: float) -> Job | None:
        """Request the abort of an unfinished job of any process and return its new state; else None.

        A job without an owner is aborted at once, at `now` in Unix seconds; otherwise its owner is to look.
        """
        ...

    def to_abort(self) -> list[str]:
        """Return the ids of the unfinished jobs of this process whose abort was requested."""
        ...

    def change(self, report_id: str, **fields: Any) -> Job | None:
        """Set fields of an unfinished job of this process and return its new state; else None.

        A finished job never changes: the first final status (completed, failed, aborted) is kept.
        """
        ...

    def get(self, report_id: str) -> Job | None: ...

    def by_key(self, request_key: str) -> Job | None: ...

    def delete(self, report_id: str) -> bool:
        """Delete a finished job; False if there is none by that id."""
        ...

    def expire(self, before: float) -> int:
        """Delete the jobs that were finished before this Unix time, and return their number."""
        ...

    def latest(self, limit: int = 50) -> list[Job]:
        """Return the newest jobs, without the large `request` and `result`."""
        ...

    def unfinished(self) -> list[Job]:
        """Return the unfinished jobs of this process, oldest first."""
        ...

    def open_ids(self) -> dict[str, Status]:
        """Return the unfinished jobs of all processes with their status, oldest first."""
        ...

    def requeue(self, now: float) -> list[Job]:
        """Put the unfinished jobs of processes that are gone back into the queue, and return them; each once.

        Those whose abort was requested are aborted, at `now` in Unix seconds.
        """
        ...

    def counts(self) -> tuple[int, int]:
        """Return the number of running and of waiting jobs of all processes."""
        ...

    def processes(self) -> list[Process]:
        """Return the processes that share this store now; none without a database."""
        ...

    def typical_seconds(self) -> float | None:
        """Return the median duration of the last completed jobs; None without any."""
        ...

    def close(self) -> None:
        """Give up the jobs of this process, which wait again once another looks, and release what the store holds."""
        ...


def storable(text: str) -> str:
    """Replace what JSON allows and a database does not: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")

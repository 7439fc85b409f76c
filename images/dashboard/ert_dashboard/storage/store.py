"""Job store: one SQLite file that outlives the process.

Every change is one short transaction under one lock. A corrupt file is renamed, not repaired. The store contains no API
key and no connection data of the backend.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ert_dashboard.base.env import BadSetting
from ert_dashboard.storage import file_columns as columns
from ert_dashboard.storage import file_rows as rows
from ert_dashboard.storage.file_waker import WAKER, FileWaker
from ert_dashboard.storage.file_words import WORDS, FileWords
from ert_dashboard.storage.interface import ABORTED, RESUMING, StoreClosed, StoreTrouble
from ert_dashboard.storage.job import FINISHED, NOBODY, Job, Status
from ert_dashboard.storage.lease import Lease
from ert_dashboard.storage.process import Process

_OVER = ",".join(f"'{status}'" for status in sorted(FINISHED))
_UNFINISHED = f"status NOT IN ({_OVER})"
_NAMES = ",".join(columns.COLUMNS)


class FileStore:
    """Implements `Store`. Several processes can use one file; each holds a lock file beside it while it lives."""

    outlives_deploys = False

    def __init__(self, path: Path, *, keep: int = 200) -> None:
        """Open or create `path` and its directory (mode 0700); raise OSError, `sqlite3.Error` or `StoreTrouble`."""
        self._path = path
        self._keep = keep
        self._lock = threading.Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection: sqlite3.Connection | None = columns.open_file(path)
        with self.transaction() as db:
            for table in (*rows.TABLES, WAKER, WORDS):
                db.execute(table)
        self._lease = Lease(path.with_name(f"{path.name}.owners"))
        self.owner = self._lease.owner
        self.drafts = rows.FileDrafts(self.transaction, self.owner)
        self.logins = rows.FileLogins(self.transaction)
        self.fetched = rows.FileFetched(self.transaction)
        self.samples = rows.FileSamples(self.transaction)
        self.audit = rows.FileAudit(self.transaction)
        self.waker = FileWaker(self.transaction, self._lease)
        self.words = FileWords(self.transaction)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        self._lease.close()

    def add(self, job: Job) -> Job:
        marks = ",".join("?" for _ in columns.COLUMNS)
        with self.transaction() as db:
            added = db.execute(
                f"INSERT INTO reports ({_NAMES}) VALUES ({marks}) ON CONFLICT (request_key) DO NOTHING",  # noqa: S608 own names
                columns.to_row(job),
            )
            db.execute(
                f"DELETE FROM reports WHERE status IN ({_OVER}) AND report_id NOT IN "  # noqa: S608 own names
                f"(SELECT report_id FROM reports WHERE status IN ({_OVER}) ORDER BY created DESC LIMIT ?)",
                (self._keep,),
            )
            return job if added.rowcount == 1 else columns.one(db, "request_key", job.request_key) or job

    def change(self, report_id: str, **fields: Any) -> Job | None:
        values = [columns.to_column(name, value) for name, value in fields.items()]
        sets = ",".join(f"{columns.checked(name)}=?" for name in fields)
        return self._changed(f"SET {sets} WHERE report_id=? AND owner=?", *values, report_id, self.owner)

    def claim(
        self,
        backend: str | None = None,
        *,
        limit: int | None = None,
        others: Collection[str] = (),
        own: bool = False,
    ) -> Job | None:
        left = f"(backend IS NULL OR backend NOT IN ({','.join('?' for _ in others)}))" if not own else "backend=?"
        oldest = f"SELECT {_NAMES} FROM reports WHERE owner=? AND {_UNFINISHED} AND {left} ORDER BY created, report_id"  # noqa: S608 own names
        taken = f"SELECT COUNT(*) FROM reports WHERE owner!=? AND {_UNFINISHED} AND backend=?"  # noqa: S608 own names
        with self.transaction() as db:
            db.execute("BEGIN IMMEDIATE")
            if limit is not None and db.execute(taken, (NOBODY, backend)).fetchone()[0] >= limit:
                return None
            row = db.execute(f"{oldest} LIMIT 1", (NOBODY, *((backend,) if own else others))).fetchone()
            if row is None:
                return None
            job = columns.to_job(row)
            db.execute("UPDATE reports SET owner=?, backend=? WHERE report_id=?", (self.owner, backend, job.report_id))
            return replace(job, owner=self.owner)

    def abort(self, report_id: str, now: float) -> Job | None:
        sets, values = _aborted_if(f"owner='{NOBODY}'", now, Status.ABORTING, "detail")
        return self._changed(f"SET abort_requested=1, {sets} WHERE report_id=?", *values, report_id)

    def _changed(self, change: str, *values: Any) -> Job | None:
        """Execute a change of at most one unfinished job and return its new state; None if there is no such job."""
        with self.transaction() as db:
            rows = db.execute(f"UPDATE reports {change} AND {_UNFINISHED} RETURNING {_NAMES}", values).fetchall()
        return columns.to_job(rows[0]) if rows else None

    def to_abort(self) -> list[str]:
        mine = f"SELECT report_id FROM reports WHERE {_UNFINISHED} AND owner=? AND abort_requested"  # noqa: S608 own names
        with self.transaction() as db:
            return [row[0] for row in db.execute(mine, (self.owner,)).fetchall()]

    def get(self, report_id: str) -> Job | None:
        with self.transaction() as db:
            return columns.one(db, "report_id", report_id)

    def by_key(self, request_key: str) -> Job | None:
        with self.transaction() as db:
            return columns.one(db, "request_key", request_key)

    def delete(self, report_id: str) -> bool:
        with self.transaction() as db:
            done = db.execute(f"DELETE FROM reports WHERE report_id=? AND status IN ({_OVER})", (report_id,))  # noqa: S608 own names
            db.execute("DELETE FROM drafts WHERE report_id NOT IN (SELECT report_id FROM reports)")
            return done.rowcount == 1

    def expire(self, before: float) -> int:
        with self.transaction() as db:
            done = db.execute(f"DELETE FROM reports WHERE status IN ({_OVER}) AND finished < ?", (before,))  # noqa: S608 own names
            db.execute("DELETE FROM drafts WHERE report_id NOT IN (SELECT report_id FROM reports)")
            return done.rowcount

    def latest(self, limit: int = 50) -> list[Job]:
        names = ",".join("'{}'" if name == "request" else columns.light(name) for name in columns.COLUMNS)
        with self.transaction() as db:
            found = db.execute(
                f"SELECT {names} FROM reports ORDER BY created DESC, report_id LIMIT ?",  # noqa: S608 own names
                (limit,),
            )
            return [columns.to_job(row) for row in found.fetchall()]

    def unfinished(self) -> list[Job]:
        return self._unfinished(self.owner)

    def open_ids(self) -> dict[str, Status]:
        every = f"SELECT report_id, status FROM reports WHERE {_UNFINISHED} ORDER BY created, report_id"  # noqa: S608 own names
        with self.transaction() as db:
            return {row[0]: Status(row[1]) for row in db.execute(every).fetchall()}

    def requeue(self, now: float) -> list[Job]:
        owned = f"SELECT DISTINCT owner FROM reports WHERE {_UNFINISHED} AND owner != ?"  # noqa: S608 own names
        with self.transaction() as db:
            found = db.execute(owned, (NOBODY,)).fetchall()
        gone = [row[0] for row in found if self._lease.is_gone(row[0])]
        sets, values = _aborted_if("abort_requested", now, Status.QUEUED, "?")
        again = f"UPDATE reports SET owner=?, {sets} WHERE owner=? AND {_UNFINISHED} RETURNING {_NAMES}"  # noqa: S608 own names
        jobs: list[Job] = []
        for owner in gone:
            with self.transaction() as db:
                rows = db.execute(again, (NOBODY, *values, RESUMING, owner)).fetchall()
            jobs += [columns.to_job(row) for row in rows]
        return sorted(jobs, key=lambda job: (job.created, job.report_id))

    def counts(self) -> tuple[int, int]:
        with self.transaction() as db:
            found = dict(
                db.execute(
                    f"SELECT status = ?, COUNT(*) FROM reports WHERE {_UNFINISHED} GROUP BY 1",  # noqa: S608 own names
                    (str(Status.QUEUED),),
                ).fetchall()
            )
        return found.get(0, 0), found.get(1, 0)

    def processes(self) -> list[Process]:
        return []

    def typical_seconds(self) -> float | None:
        with self.transaction() as db:
            found = db.execute(
                "SELECT finished - started FROM reports WHERE status=? AND started IS NOT NULL "
                "ORDER BY finished DESC LIMIT 10",
                (str(Status.COMPLETED),),
            )
            lengths = sorted(row[0] for row in found.fetchall())
        return lengths[len(lengths) // 2] if lengths else None

    def _unfinished(self, owner: str) -> list[Job]:
        with self.transaction() as db:
            found = db.execute(
                f"SELECT {_NAMES} FROM reports WHERE {_UNFINISHED} AND owner=? ORDER BY created, report_id",  # noqa: S608 own names
                (owner,),
            )
            return [columns.to_job(row) for row in found.fetchall()]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one short transaction under the lock; raise `StoreClosed` or `StoreTrouble`."""
        with self._lock:
            if self._connection is None:
                raise StoreClosed
            try:
                with self._connection:
                    yield self._connection
            except sqlite3.Error as error:
                raise StoreTrouble(f"the reports' file cannot be used: {error}") from error


def _aborted_if(condition: str, now: float, status: Status, detail: str) -> tuple[str, tuple[Any, ...]]:
    """Return the assignments of a job that is aborted where `condition` holds, and their values."""
    sets = (
        f"status=CASE WHEN {condition} THEN ? ELSE ? END, finished=CASE WHEN {condition} THEN ? ELSE finished END, "
        f"error=CASE WHEN {condition} THEN ? ELSE error END, detail=CASE WHEN {condition} THEN '' ELSE {detail} END"
    )
    return sets, (str(Status.ABORTED), str(status), now, ABORTED)


def default_path(port: int) -> Path:
    """Return a path in a private temporary directory per user and port, which persists across restarts."""
    folder = Path(tempfile.gettempdir()) / f"ert-dashboard-{os.getuid()}-{port}"
    folder.mkdir(mode=0o700, exist_ok=True)
    seen = folder.lstat()
    if folder.is_symlink() or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
        raise BadSetting(f"{folder} belongs to another user; set ERT_DASHBOARD_DB")
    return folder / "reports.sqlite3"

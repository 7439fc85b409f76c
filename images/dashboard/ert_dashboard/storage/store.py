"""Job store: one SQLite file that outlives the process.

Every change is one short transaction under one lock. A corrupt file is renamed, not repaired. The store contains no API
key and no connection data of the backend.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ert_dashboard.storage import file_rows as rows
from ert_dashboard.storage.interface import StoreClosed, StoreTrouble
from ert_dashboard.storage.job import FINISHED, Job, Status
from ert_dashboard.storage.lease import Lease

_LOG = logging.getLogger(__name__)
_SCHEMA = 1
_COLUMNS = tuple(column.name for column in dataclasses.fields(Job))
_OVER = ",".join(f"'{status}'" for status in sorted(FINISHED))
_UNFINISHED = f"status NOT IN ({_OVER})"


class FileStore:
    """Implements `Store`. Several processes can use one file; each holds a lock file beside it while it lives."""

    outlives_deploys = False

    def __init__(self, path: Path, *, keep: int = 200) -> None:
        """Open or create `path` and its directory (mode 0700); raise OSError, `sqlite3.Error` or `StoreTrouble`."""
        self._path = path
        self._keep = keep
        self._lock = threading.Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection: sqlite3.Connection | None = _open(path)
        with self.transaction() as db:
            for table in rows.TABLES:
                db.execute(table)
        self._lease = Lease(path.with_name(f"{path.name}.owners"))
        self.owner = self._lease.owner
        self.drafts = rows.FileDrafts(self.transaction, self.owner)
        self.logins = rows.FileLogins(self.transaction)
        self.fetched = rows.FileFetched(self.transaction)
        self.samples = rows.FileSamples(self.transaction)
        self.audit = rows.FileAudit(self.transaction)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        self._lease.close()

    def add(self, job: Job) -> None:
        marks = ",".join("?" for _ in _COLUMNS)
        with self.transaction() as db:
            db.execute(f"INSERT INTO reports ({','.join(_COLUMNS)}) VALUES ({marks})", _row(job))  # noqa: S608 own names
            db.execute(
                f"DELETE FROM reports WHERE status IN ({_OVER}) AND report_id NOT IN "  # noqa: S608 own names
                f"(SELECT report_id FROM reports WHERE status IN ({_OVER}) ORDER BY created DESC LIMIT ?)",
                (self._keep,),
            )

    def change(self, report_id: str, **fields: Any) -> Job | None:
        values = [_to_column(name, value) for name, value in fields.items()]
        sets = ",".join(f"{_checked(name)}=?" for name in fields)
        with self.transaction() as db:
            done = db.execute(
                f"UPDATE reports SET {sets} WHERE report_id=? AND owner=? AND {_UNFINISHED}",  # noqa: S608 own names
                (*values, report_id, self.owner),
            )
            if done.rowcount != 1:
                return None
            return _one(db, report_id)

    def get(self, report_id: str) -> Job | None:
        with self.transaction() as db:
            return _one(db, report_id)

    def delete(self, report_id: str) -> bool:
        with self.transaction() as db:
            done = db.execute(f"DELETE FROM reports WHERE report_id=? AND status IN ({_OVER})", (report_id,))  # noqa: S608 own names
            db.execute("DELETE FROM drafts WHERE report_id NOT IN (SELECT report_id FROM reports)")
            return done.rowcount == 1

    def latest(self, limit: int = 50) -> list[Job]:
        names = ",".join("'{}'" if name == "request" else _light(name) for name in _COLUMNS)
        with self.transaction() as db:
            found = db.execute(
                f"SELECT {names} FROM reports ORDER BY created DESC, report_id LIMIT ?",  # noqa: S608 own names
                (limit,),
            )
            return [_job(row) for row in found.fetchall()]

    def unfinished(self) -> list[Job]:
        return self._unfinished(self.owner)

    def adopt(self) -> list[Job]:
        with self.transaction() as db:
            found = db.execute(f"SELECT DISTINCT owner FROM reports WHERE {_UNFINISHED}").fetchall()  # noqa: S608 own names
        adopted: list[Job] = []
        for owner in (row[0] for row in found if self._lease.is_gone(row[0])):
            for job in self._unfinished(owner):
                with self.transaction() as db:
                    done = db.execute(
                        f"UPDATE reports SET owner=? WHERE report_id=? AND owner=? AND {_UNFINISHED}",  # noqa: S608 own names
                        (self.owner, job.report_id, owner),
                    )
                if done.rowcount == 1:
                    adopted.append(dataclasses.replace(job, owner=self.owner))
        return sorted(adopted, key=lambda job: (job.created, job.report_id))

    def counts(self) -> tuple[int, int]:
        with self.transaction() as db:
            found = dict(
                db.execute(
                    f"SELECT status = ?, COUNT(*) FROM reports WHERE {_UNFINISHED} AND owner=? GROUP BY 1",  # noqa: S608 own names
                    (str(Status.QUEUED), self.owner),
                ).fetchall()
            )
        return found.get(0, 0), found.get(1, 0)

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
                f"SELECT {','.join(_COLUMNS)} FROM reports WHERE {_UNFINISHED} AND owner=? ORDER BY created, report_id",  # noqa: S608 own names
                (owner,),
            )
            return [_job(row) for row in found.fetchall()]

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


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # a read-only directory or a full disk: the file itself is intact
        aside = path.with_name(f"{path.name}.unreadable")
        _LOG.warning(
            "the report store could not be read (%s); it is kept as %s and a new one is created", error, aside.name
        )
        path.replace(aside)
        for journal in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            journal.unlink(missing_ok=True)
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _SCHEMA):
            raise sqlite3.DatabaseError(f"schema {version}, this release supports {_SCHEMA}")
        with connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS reports (report_id TEXT PRIMARY KEY, "
                + ",".join(name for name in _COLUMNS if name != "report_id")
                + ")"
            )
            connection.execute(f"PRAGMA user_version={_SCHEMA}")
    except BaseException:
        connection.close()
        raise
    return connection


def _one(db: sqlite3.Connection, report_id: str) -> Job | None:
    row = db.execute(
        f"SELECT {','.join(_COLUMNS)} FROM reports WHERE report_id=?",  # noqa: S608 own names
        (report_id,),
    ).fetchone()
    return None if row is None else _job(row)


def _light(name: str) -> str:
    # The list only has to know whether a result exists.
    return "CASE WHEN result IS NULL THEN NULL ELSE '{}' END" if name == "result" else name


def _checked(name: str) -> str:
    if name not in _COLUMNS:
        raise ValueError(f"a report has no field {name!r}")
    return name


def _row(job: Job) -> list[Any]:
    return [_to_column(name, getattr(job, name)) for name in _COLUMNS]


def _to_column(name: str, value: Any) -> Any:
    if name in ("request", "result"):
        return None if value is None else json.dumps(value, ensure_ascii=True, allow_nan=False)
    return str(value) if isinstance(value, Status) else value


def _job(row: tuple[Any, ...]) -> Job:
    fields = dict(zip(_COLUMNS, row, strict=True))
    fields["status"] = Status(fields["status"])
    fields["abort_requested"] = bool(fields["abort_requested"])
    fields["request"] = json.loads(fields["request"] or "{}")
    fields["result"] = None if fields["result"] is None else json.loads(fields["result"])
    return Job(**fields)

"""Columns of the jobs in the SQLite file: opens or creates the file, and converts rows to jobs and back."""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

from ert_dashboard.storage.job import Job, Status

_LOG = logging.getLogger(__name__)
_SCHEMA = 1
COLUMNS = tuple(column.name for column in dataclasses.fields(Job))


def open_file(path: Path) -> sqlite3.Connection:
    """Open or create the file with the table of the jobs; put one aside that cannot be read."""
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
                + ",".join(name for name in COLUMNS if name != "report_id")
                + ")"
            )
            # A file of an earlier release, which can still use it afterwards: it names its columns.
            there = {row[1] for row in connection.execute("PRAGMA table_info(reports)").fetchall()}
            for name in COLUMNS:
                if name not in there:
                    connection.execute(f"ALTER TABLE reports ADD COLUMN {name}")
            connection.execute("CREATE UNIQUE INDEX IF NOT EXISTS reports_by_key ON reports (request_key)")
            connection.execute(f"PRAGMA user_version={_SCHEMA}")
    except BaseException:
        connection.close()
        raise
    return connection


def one(db: sqlite3.Connection, column: str, value: str | None) -> Job | None:
    """Return the job with this value in a unique column."""
    row = db.execute(
        f"SELECT {','.join(COLUMNS)} FROM reports WHERE {checked(column)}=?",  # noqa: S608 own names
        (value,),
    ).fetchone()
    return None if row is None else to_job(row)


def light(name: str) -> str:
    """Return the expression of a column in lists, which only have to know whether a result exists."""
    return "CASE WHEN result IS NULL THEN NULL ELSE '{}' END" if name == "result" else name


def checked(name: str) -> str:
    """Return the name of a column; raise ValueError for any other."""
    if name not in COLUMNS:
        raise ValueError(f"a report has no field {name!r}")
    return name


def to_row(job: Job) -> list[Any]:
    """Return the values of a job in the order of `COLUMNS`."""
    return [to_column(name, getattr(job, name)) for name in COLUMNS]


def to_column(name: str, value: Any) -> Any:
    """Return a field of a job as the file has it."""
    if name in ("request", "result"):
        return None if value is None else json.dumps(value, ensure_ascii=True, allow_nan=False)
    return str(value) if isinstance(value, Status) else value


def to_job(row: tuple[Any, ...]) -> Job:
    """Return the job of a row with all `COLUMNS`."""
    fields = dict(zip(COLUMNS, row, strict=True))
    fields["status"] = Status(fields["status"])
    fields["abort_requested"] = bool(fields["abort_requested"])
    fields["request"] = json.loads(fields["request"] or "{}")
    fields["result"] = None if fields["result"] is None else json.loads(fields["result"])
    return Job(**fields)

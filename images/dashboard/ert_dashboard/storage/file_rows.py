"""Rows of the SQLite file beside the jobs: sections, login sessions, cached figures, samples and the audit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager

from ert_dashboard.storage.interface import (
    LONGEST_TEXT,
    MOST_EVENTS,
    MOST_FETCHED,
    MOST_SAMPLES,
    MOST_SECTIONS,
    Event,
    storable,
)

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]
TABLES = (
    "CREATE TABLE IF NOT EXISTS drafts (report_id TEXT, section TEXT, text TEXT, PRIMARY KEY (report_id, section))",
    "CREATE TABLE IF NOT EXISTS sessions (key TEXT PRIMARY KEY, tag TEXT, expires REAL)",
    "CREATE TABLE IF NOT EXISTS fetched (key TEXT PRIMARY KEY, value TEXT, at REAL)",
    "CREATE TABLE IF NOT EXISTS samples (minute INTEGER PRIMARY KEY, at REAL, uptime REAL)",
    "CREATE TABLE IF NOT EXISTS audit (id INTEGER PRIMARY KEY, at REAL, what TEXT, client TEXT, about TEXT)",
)


class FileDrafts:
    """Implements `Drafts`."""

    def __init__(self, transaction: Transaction, owner: str) -> None:
        self._transaction = transaction
        self._owner = owner

    def of(self, report_id: str) -> FileDraft:
        return FileDraft(self._transaction, report_id, self._owner)


class FileDraft:
    """Implements `Draft`."""

    def __init__(self, transaction: Transaction, report_id: str, owner: str) -> None:
        self._transaction = transaction
        self._report_id = report_id
        self._owner = owner

    def keep(self, section: str, text: str) -> None:
        """Store a section (see `Draft.keep`); also delete the drafts of deleted jobs."""
        with self._transaction() as db:
            kept = db.execute("SELECT COUNT(*) FROM drafts WHERE report_id=?", (self._report_id,)).fetchone()[0]
            if kept < MOST_SECTIONS and self._mine(db):
                row = (self._report_id, storable(section[:80]), storable(text[:LONGEST_TEXT]))
                db.execute(
                    "INSERT INTO drafts (report_id, section, text) VALUES (?,?,?) "
                    "ON CONFLICT (report_id, section) DO UPDATE SET text=excluded.text",
                    row,
                )
            db.execute("DELETE FROM drafts WHERE report_id NOT IN (SELECT report_id FROM reports)")

    def clear(self) -> None:
        with self._transaction() as db:
            if self._mine(db):
                db.execute("DELETE FROM drafts WHERE report_id=?", (self._report_id,))

    def sections(self) -> dict[str, str]:
        with self._transaction() as db:
            rows = db.execute("SELECT section, text FROM drafts WHERE report_id=? ORDER BY rowid", (self._report_id,))
            return dict(rows.fetchall())

    def _mine(self, db: sqlite3.Connection) -> bool:
        row = db.execute("SELECT owner FROM reports WHERE report_id=?", (self._report_id,)).fetchone()
        return row is not None and row[0] == self._owner


class FileLogins:
    """Implements `LoginRows`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def put(self, key: str, tag: str, expires: float, now: float) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE expires <= ? OR tag != ?", (now, tag))
            db.execute("INSERT INTO sessions VALUES (?,?,?)", (key, tag, expires))

    def find(self, key: str) -> tuple[str, float] | None:
        with self._transaction() as db:
            row = db.execute("SELECT tag, expires FROM sessions WHERE key=?", (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    def delete(self, key: str) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE key=?", (key,))


class FileFetched:
    """Implements `FetchedRows`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def look(self, key: str) -> tuple[str, float] | None:
        with self._transaction() as db:
            row = db.execute("SELECT value, at FROM fetched WHERE key=?", (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    def keep(self, key: str, value: str, at: float) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO fetched VALUES (?,?,?)", (storable(key), value, at))
            db.execute(
                "DELETE FROM fetched WHERE key NOT IN (SELECT key FROM fetched ORDER BY at DESC LIMIT ?)",
                (MOST_FETCHED,),
            )


class FileSamples:
    """Implements `SampleRows`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def keep(self, at: float, uptime: float | None) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO samples VALUES (?,?,?)", (int(at // 60), at, uptime))
            db.execute(
                "DELETE FROM samples WHERE minute NOT IN (SELECT minute FROM samples ORDER BY minute DESC LIMIT ?)",
                (MOST_SAMPLES,),
            )

    def latest(self) -> list[tuple[float, float | None]]:
        with self._transaction() as db:
            return db.execute("SELECT at, uptime FROM samples ORDER BY minute").fetchall()


class FileAudit:
    """Implements `AuditRows`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, event: Event) -> None:
        row = (event.at, event.what, storable(event.client), storable(event.about))
        with self._transaction() as db:
            db.execute("INSERT INTO audit (at, what, client, about) VALUES (?,?,?,?)", row)
            db.execute("DELETE FROM audit WHERE id <= (SELECT MAX(id) FROM audit) - ?", (MOST_EVENTS,))

    def latest(self, limit: int = 100) -> list[Event]:
        with self._transaction() as db:
            rows = db.execute("SELECT at, what, client, about FROM audit ORDER BY id DESC LIMIT ?", (limit,))
            return [Event(*row) for row in rows.fetchall()]

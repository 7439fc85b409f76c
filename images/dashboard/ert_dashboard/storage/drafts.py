"""Draft sections: stores the completed sections of a running job, so that a page can display them early.

They are a preview that the final result supersedes. They are in the same database as the jobs and persist across
restarts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

LONGEST_TEXT = 64 * 1024
_MOST_SECTIONS = 32

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Draft(Protocol):
    """Destination for the sections of a running job."""

    def keep(self, section: str, text: str) -> None:
        """Store a section, overwriting an earlier text of the same section."""
        ...

    def clear(self) -> None:
        """Delete all sections, as the job is restarted."""
        ...


class Drafts:
    """Sections of all unfinished jobs, in the database of the store. Thread-safe."""

    def __init__(self, transaction: Transaction) -> None:
        """Create the table if needed; `transaction` opens a transaction of the store."""
        self._transaction = transaction
        with transaction() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS drafts "
                "(report_id TEXT, section TEXT, text TEXT, PRIMARY KEY (report_id, section))"
            )

    def of(self, report_id: str) -> OneDraft:
        return OneDraft(self._transaction, report_id)


class OneDraft:
    """Sections of one job, in the order in which they were stored."""

    def __init__(self, transaction: Transaction, report_id: str) -> None:
        self._transaction = transaction
        self._report_id = report_id

    def keep(self, section: str, text: str) -> None:
        """Store a section (see `Draft.keep`); also delete the drafts of deleted jobs."""
        with self._transaction() as db:
            kept = db.execute("SELECT COUNT(*) FROM drafts WHERE report_id=?", (self._report_id,)).fetchone()[0]
            if kept < _MOST_SECTIONS:
                row = (self._report_id, _storable(section[:80]), _storable(text[:LONGEST_TEXT]))
                db.execute("INSERT OR REPLACE INTO drafts (report_id, section, text) VALUES (?,?,?)", row)
            db.execute("DELETE FROM drafts WHERE report_id NOT IN (SELECT report_id FROM reports)")

    def clear(self) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM drafts WHERE report_id=?", (self._report_id,))

    def sections(self) -> dict[str, str]:
        """Return the sections so far: name -> Markdown text."""
        with self._transaction() as db:
            rows = db.execute("SELECT section, text FROM drafts WHERE report_id=? ORDER BY rowid", (self._report_id,))
            return dict(rows.fetchall())


def _storable(text: str) -> str:
    """Replace lone surrogates, which JSON allows and SQLite does not."""
    return text.encode("utf-8", "replace").decode("utf-8")

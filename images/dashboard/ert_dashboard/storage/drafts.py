"""Sections of a report that is still being written, kept so that a page can show them before the rest is there.

They are a preview: the result of a finished report replaces them. They live beside the reports and survive a restart.
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
    """Where one report's sections go while it is being written."""

    def keep(self, section: str, text: str) -> None:
        """Keep a section; a second text for the same one replaces the first."""
        ...

    def clear(self) -> None:
        """Forget all sections: the report is begun anew."""
        ...


class Drafts:
    """The sections of all unfinished reports, in the store's own file. Safe to call from any thread."""

    def __init__(self, transaction: Transaction) -> None:
        """`transaction` opens one of the store's; the table is made if it is not there."""
        self._transaction = transaction
        with transaction() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS drafts "
                "(report_id TEXT, section TEXT, text TEXT, PRIMARY KEY (report_id, section))"
            )

    def of(self, report_id: str) -> OneDraft:
        return OneDraft(self._transaction, report_id)


class OneDraft:
    """The sections of one report, in the order they were written."""

    def __init__(self, transaction: Transaction, report_id: str) -> None:
        self._transaction = transaction
        self._report_id = report_id

    def keep(self, section: str, text: str) -> None:
        """As `Draft.keep`; what belongs to reports that are gone is forgotten on the way."""
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
        """Name -> Markdown text of what is written so far."""
        with self._transaction() as db:
            rows = db.execute("SELECT section, text FROM drafts WHERE report_id=? ORDER BY rowid", (self._report_id,))
            return dict(rows.fetchall())


def _storable(text: str) -> str:
    """Without halves of characters: JSON can carry them, SQLite cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")

"""Rows of the last messages of guards in the SQLite file."""

from __future__ import annotations

from ert_dashboard.storage.file_rows import Transaction
from ert_dashboard.storage.word_rows import MOST_MACHINES

WORDS = "CREATE TABLE IF NOT EXISTS words (machine TEXT PRIMARY KEY, at REAL, received REAL, text TEXT)"


class FileWords:
    """Implements `WordRows`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def keep(self, machine: str, at: float, text: str, received: float) -> bool:
        with self._transaction() as db:
            done = db.execute(
                "INSERT INTO words VALUES (?,?,?,?) ON CONFLICT (machine) DO UPDATE SET "
                "at=excluded.at, received=excluded.received, text=excluded.text WHERE words.at < excluded.at",
                (machine, at, received, text),
            )
            db.execute(
                "DELETE FROM words WHERE machine NOT IN (SELECT machine FROM words ORDER BY received DESC LIMIT ?)",
                (MOST_MACHINES,),
            )
            return done.rowcount == 1

    def find(self, machine: str) -> str | None:
        with self._transaction() as db:
            row = db.execute("SELECT text FROM words WHERE machine=?", (machine,)).fetchone()
        return None if row is None else row[0] or None

    def override(self, machine: str, before: float) -> None:
        with self._transaction() as db:
            db.execute("UPDATE words SET text='' WHERE machine=? AND received<? AND text<>''", (machine, before))

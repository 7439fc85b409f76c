"""Rows of the last messages of guards in the database."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.tables import WORDS
from ert_dashboard.storage.word_rows import MOST_MACHINES

_W = WORDS.c


class SqlWords:
    """Implements `WordRows`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, machine: str, at: float, text: str, received: float) -> bool:
        row = {"at": at, "received": received, "text": text}
        added = insert(WORDS).values(machine=machine, **row)
        latest = select(_W.machine).order_by(_W.received.desc()).limit(MOST_MACHINES)
        with self._database.transaction() as db:
            change = added.on_conflict_do_update(index_elements=["machine"], set_=row, where=_W.at < at)
            kept = db.scalar(change.returning(_W.machine)) is not None
            db.execute(delete(WORDS).where(_W.machine.not_in(latest)))
            return kept

    def find(self, machine: str) -> str | None:
        with self._database.transaction() as db:
            return db.scalar(select(_W.text).where(_W.machine == machine)) or None

    def override(self, machine: str, before: float) -> None:
        old = update(WORDS).where(_W.machine == machine, _W.received < before, _W.text != "")
        with self._database.transaction() as db:
            db.execute(old.values(text=""))

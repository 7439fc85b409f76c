"""Row of the waker in the SQLite file: the process in that role, and the requests of visitors."""

from __future__ import annotations

import json

from ert_dashboard.storage.file_rows import Transaction
from ert_dashboard.storage.interface import storable
from ert_dashboard.storage.job import NOBODY
from ert_dashboard.storage.lease import Lease
from ert_dashboard.storage.waker_row import PROBLEM_S, counted

WAKER = (
    "CREATE TABLE IF NOT EXISTS waker "
    "(id INTEGER PRIMARY KEY, owner TEXT, wanted_until REAL, asked TEXT, problem TEXT, told REAL)"
)
# It also takes the lock of the file, so that what follows in the transaction is the only change at a time.
_ROW = "INSERT OR IGNORE INTO waker VALUES (1,?,0,'[]','',0)"


class FileWaker:
    """Implements `WakerRow`."""

    def __init__(self, transaction: Transaction, lease: Lease) -> None:
        self._transaction = transaction
        self._lease = lease

    def hold(self) -> bool:
        with self._transaction() as db:
            db.execute(_ROW, (NOBODY,))
            (owner,) = db.execute("SELECT owner FROM waker").fetchone()
            if owner not in (NOBODY, self._lease.owner) and not self._lease.is_gone(owner):
                return False
            db.execute("UPDATE waker SET owner=?", (self._lease.owner,))
            return True

    def leave(self) -> None:
        with self._transaction() as db:
            db.execute("UPDATE waker SET owner=? WHERE owner=?", (NOBODY, self._lease.owner))

    def ask(self, now: float, until: float, most: int) -> float:
        with self._transaction() as db:
            db.execute(_ROW, (NOBODY,))
            wanted, asked = db.execute("SELECT wanted_until, asked FROM waker").fetchone()
            if wanted > now:
                return 0.0
            times, wait = counted(json.loads(asked), now, most)
            if not wait:
                db.execute("UPDATE waker SET wanted_until=?, asked=?, problem=''", (until, json.dumps(times)))
            return wait

    def wanted(self, now: float) -> bool:
        with self._transaction() as db:
            return db.execute("SELECT 1 FROM waker WHERE wanted_until > ?", (now,)).fetchone() is not None

    def settle(self) -> None:
        with self._transaction() as db:
            db.execute("UPDATE waker SET wanted_until=0")

    def tell(self, problem: str, now: float) -> None:
        with self._transaction() as db:
            db.execute("UPDATE waker SET problem=?, told=?", (storable(problem), now))

    def problem(self, now: float) -> str:
        with self._transaction() as db:
            row = db.execute("SELECT problem FROM waker WHERE told > ?", (now - PROBLEM_S,)).fetchone()
        return "" if row is None else str(row[0])

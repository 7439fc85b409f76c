"""Row of the waker in the database: the process in that role, and the requests of visitors."""

from __future__ import annotations

import json

from sqlalchemy import Connection, Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from ert_dashboard.storage.interface import storable
from ert_dashboard.storage.job import NOBODY
from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.tables import PROCESSES, WAKER
from ert_dashboard.storage.waker_row import PROBLEM_S, counted

_W = WAKER.c
_ROW = {"id": 1, "owner": NOBODY, "wanted_until": 0.0, "asked": "[]", "problem": "", "told": 0.0}


class SqlWaker:
    """Implements `WakerRow`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    def hold(self) -> bool:
        alive = select(PROCESSES.c.owner).where(PROCESSES.c.expires > func.clock_timestamp())
        free = or_(_W.owner == self._owner, _W.owner.not_in(alive))
        with self._database.transaction() as db:
            _locked(db)
            return db.execute(update(WAKER).where(free).values(owner=self._owner)).rowcount == 1

    def leave(self) -> None:
        with self._database.transaction() as db:
            db.execute(update(WAKER).where(_W.owner == self._owner).values(owner=NOBODY))

    def ask(self, now: float, until: float, most: int) -> float:
        with self._database.transaction() as db:
            row = _locked(db)
            if row.wanted_until > now:
                return 0.0
            times, wait = counted(json.loads(row.asked), now, most)
            if not wait:
                db.execute(update(WAKER).values(wanted_until=until, asked=json.dumps(times), problem=""))
            return wait

    def wanted(self, now: float) -> bool:
        with self._database.transaction() as db:
            return db.scalar(select(_W.id).where(_W.wanted_until > now)) is not None

    def settle(self) -> None:
        with self._database.transaction() as db:
            db.execute(update(WAKER).values(wanted_until=0))

    def tell(self, problem: str, now: float) -> None:
        with self._database.transaction() as db:
            db.execute(update(WAKER).values(problem=storable(problem), told=now))

    def problem(self, now: float) -> str:
        with self._database.transaction() as db:
            return db.scalar(select(_W.problem).where(_W.told > now - PROBLEM_S)) or ""


def _locked(db: Connection) -> Row[tuple[int, str, float, str, str, float]]:
    """Return the row, locked until the end of the transaction; insert it where there is none."""
    db.execute(insert(WAKER).values(_ROW).on_conflict_do_nothing(index_elements=["id"]))
    return db.execute(select(WAKER).with_for_update()).one()

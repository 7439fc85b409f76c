"""Lease of this process in the database: a row with an end, which a thread renews while the process lives.

Only the database's clock counts, so that the clocks of two machines need not agree. A process that was frozen for
longer than its lease may have lost its jobs; it learns of it, as every change of a job names its owner.
"""

from __future__ import annotations

import logging
import secrets
import threading
from datetime import timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from ert_dashboard.storage.interface import StoreClosed, StoreTrouble, storable
from ert_dashboard.storage.process import Process
from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.tables import PROCESSES

_LOG = logging.getLogger(__name__)
_RENEWALS = 4  # within one lease


class SqlLease:
    """Lease of this process, held from construction to `close()`."""

    def __init__(self, database: Database, seconds: float, said: Process) -> None:
        """Take a lease of `seconds`, and start the thread that renews it; raise `StoreTrouble`."""
        self._said = {"role": said.role, "instance": storable(said.instance), "fingerprint": said.packed()}
        self.owner = secrets.token_hex(8)
        self._database = database
        self._length = timedelta(seconds=seconds)
        self._over = threading.Event()
        self._renew()
        self._thread = threading.Thread(target=self._keep, args=(seconds / _RENEWALS,), name="lease", daemon=True)
        self._thread.start()

    def _renew(self) -> None:
        expires = func.clock_timestamp() + self._length
        row = insert(PROCESSES).values(owner=self.owner, expires=expires, **self._said)
        with self._database.transaction() as db:
            db.execute(row.on_conflict_do_update(index_elements=["owner"], set_={"expires": expires}))
            db.execute(delete(PROCESSES).where(PROCESSES.c.expires < func.clock_timestamp() - timedelta(days=1)))

    def _keep(self, every_s: float) -> None:
        held = True
        while not self._over.wait(every_s):
            try:
                self._renew()
                held = True
            except StoreClosed:
                return
            except StoreTrouble as error:
                if held:
                    _LOG.warning("the lease of this process could not be renewed: %s", error)
                held = False

    def close(self) -> None:
        """Give the lease back; other processes can then adopt the unfinished jobs at once."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        try:
            with self._database.transaction() as db:
                db.execute(delete(PROCESSES).where(PROCESSES.c.owner == self.owner))
        except (StoreClosed, StoreTrouble) as error:
            _LOG.warning("the lease of this process ends by itself: %s", error)


def processes(db: Connection) -> list[Process]:
    """Return what the processes with a valid lease say of themselves."""
    columns = (PROCESSES.c.instance, PROCESSES.c.role, PROCESSES.c.fingerprint)
    found = db.execute(select(*columns).where(PROCESSES.c.expires > func.clock_timestamp()))
    return [Process.unpacked(row.instance or "", row.role or "", row.fingerprint) for row in found]


def living(db: Connection) -> set[str]:
    """Return the owners with a valid lease."""
    return set(db.scalars(select(PROCESSES.c.owner).where(PROCESSES.c.expires > func.clock_timestamp())))

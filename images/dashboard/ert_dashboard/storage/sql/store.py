"""PostgreSQL store: the jobs, of which each belongs to one process at a time.

A change names the owner it expects, so that a process that lost a job to another cannot write to it any more.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, case, delete, func, insert, literal, null, select, update
from sqlalchemy.sql.elements import ColumnElement

from ert_dashboard.base.secret import Secret
from ert_dashboard.storage.interface import storable
from ert_dashboard.storage.job import FINISHED, Job, Status
from ert_dashboard.storage.sql import rows
from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.lease import SqlLease, living
from ert_dashboard.storage.sql.migrate import migrate
from ert_dashboard.storage.sql.tables import REPORTS

_R = REPORTS.c
_COLUMNS = tuple(_R[column.name] for column in dataclasses.fields(Job))
_OVER: ColumnElement[bool] = _R.status.in_(sorted(FINISHED))
_UNFINISHED: ColumnElement[bool] = _R.status.not_in(sorted(FINISHED))
_NAMES = frozenset(column.name for column in _COLUMNS)


class SqlStore:
    """Implements `Store`."""

    outlives_deploys = True

    def __init__(self, url: Secret, *, keep: int = 200, lease_s: float = 20.0) -> None:
        """Connect, migrate the schema and take a lease of `lease_s` seconds; raise `StoreTrouble`."""
        self._keep = keep
        self._database = Database(url)
        try:
            migrate(self._database)
            self._lease = SqlLease(self._database, lease_s)
        except BaseException:
            self._database.close()
            raise
        self.owner = self._lease.owner
        self.drafts = rows.SqlDrafts(self._database, self.owner)
        self.logins = rows.SqlLogins(self._database)
        self.fetched = rows.SqlFetched(self._database)
        self.samples = rows.SqlSamples(self._database)
        self.audit = rows.SqlAudit(self._database)

    def close(self) -> None:
        self._lease.close()
        self._database.close()

    def add(self, job: Job) -> None:
        newest = select(_R.report_id).where(_OVER).order_by(_R.created.desc()).limit(self._keep)
        with self._database.transaction() as db:
            db.execute(insert(REPORTS).values({name: _to_column(name, getattr(job, name)) for name in _NAMES}))
            # Rows that another process deletes at this moment are left to it.
            old = select(_R.report_id).where(_OVER, _R.report_id.not_in(newest)).with_for_update(skip_locked=True)
            db.execute(delete(REPORTS).where(_R.report_id.in_(old)))

    def change(self, report_id: str, **fields: Any) -> Job | None:
        unknown = fields.keys() - _NAMES
        if unknown:
            raise ValueError(f"a report has no field {min(unknown)!r}")
        done = (
            update(REPORTS)
            .where(_R.report_id == report_id, _R.owner == self.owner, _UNFINISHED)
            .values({name: _to_column(name, value) for name, value in fields.items()})
            .returning(*_COLUMNS)
        )
        with self._database.transaction() as db:
            row = db.execute(done).one_or_none()
        return None if row is None else _job(row)

    def get(self, report_id: str) -> Job | None:
        with self._database.transaction() as db:
            row = db.execute(select(*_COLUMNS).where(_R.report_id == report_id)).one_or_none()
        return None if row is None else _job(row)

    def delete(self, report_id: str) -> bool:
        with self._database.transaction() as db:
            return db.execute(delete(REPORTS).where(_R.report_id == report_id, _OVER)).rowcount == 1

    def latest(self, limit: int = 50) -> list[Job]:
        light = {
            "request": literal("{}").label("request"),
            # The list only has to know whether a result exists.
            "result": case((_R.result.is_(None), null()), else_="{}").label("result"),
        }
        columns = [light.get(column.name, column) for column in _COLUMNS]
        with self._database.transaction() as db:
            found = db.execute(select(*columns).order_by(_R.created.desc(), _R.report_id).limit(limit))
            return [_job(row) for row in found]

    def unfinished(self) -> list[Job]:
        mine = select(*_COLUMNS).where(_UNFINISHED, _R.owner == self.owner).order_by(_R.created, _R.report_id)
        with self._database.transaction() as db:
            return [_job(row) for row in db.execute(mine)]

    def adopt(self) -> list[Job]:
        with self._database.transaction() as db:
            owners = set(db.scalars(select(_R.owner).where(_UNFINISHED).distinct()))
            gone = owners - living(db) - {self.owner}
            if not gone:
                return []
            # `owner` is asked for again on the locked row: a job that another process took meanwhile stays with it.
            free = select(_R.report_id).where(_UNFINISHED, _R.owner.in_(gone)).with_for_update(skip_locked=True)
            taken = update(REPORTS).where(_R.report_id.in_(free), _R.owner.in_(gone)).values(owner=self.owner)
            found = [_job(row) for row in db.execute(taken.returning(*_COLUMNS))]
        return sorted(found, key=lambda job: (job.created, job.report_id))

    def counts(self) -> tuple[int, int]:
        waiting = _R.status == str(Status.QUEUED)
        both = select(func.count().filter(~waiting), func.count().filter(waiting))
        with self._database.transaction() as db:
            running, queued = db.execute(both.where(_UNFINISHED, _R.owner == self.owner)).one()
        return running, queued

    def typical_seconds(self) -> float | None:
        done = _R.status == str(Status.COMPLETED)
        last = select(_R.finished - _R.started).where(done, _R.started.is_not(None))
        with self._database.transaction() as db:
            lengths = sorted(db.scalars(last.order_by(_R.finished.desc()).limit(10)))
        return lengths[len(lengths) // 2] if lengths else None


def _to_column(name: str, value: Any) -> Any:
    if name in ("request", "result"):
        return None if value is None else json.dumps(value, ensure_ascii=True, allow_nan=False)
    return storable(str(value)) if isinstance(value, str) else value


def _job(row: Row[Any]) -> Job:
    fields: dict[str, Any] = dict(row._mapping)
    fields["status"] = Status(fields["status"])
    fields["request"] = _loaded(fields["request"]) or {}
    fields["result"] = _loaded(fields["result"])
    return Job(**fields)


def _loaded(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else json.loads(text)

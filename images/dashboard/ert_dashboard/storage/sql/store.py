"""PostgreSQL store: the jobs, of which each belongs to one process at a time.

A change names the owner it expects, so that a process that lost a job to another cannot write to it any more.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, case, delete, func, literal, null, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import Update
from sqlalchemy.sql.elements import ColumnElement

from ert_dashboard.base.secret import Secret
from ert_dashboard.storage.interface import ABORTED, RESUMING, storable
from ert_dashboard.storage.job import FINISHED, NOBODY, Job, Status
from ert_dashboard.storage.process import Process
from ert_dashboard.storage.sql import rows
from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.lease import SqlLease, living, processes
from ert_dashboard.storage.sql.migrate import migrate
from ert_dashboard.storage.sql.tables import REPORTS
from ert_dashboard.storage.sql.waker import SqlWaker
from ert_dashboard.storage.sql.words import SqlWords

_R = REPORTS.c
_COLUMNS = tuple(_R[column.name] for column in dataclasses.fields(Job))
_OVER: ColumnElement[bool] = _R.status.in_(sorted(FINISHED))
_UNFINISHED: ColumnElement[bool] = _R.status.not_in(sorted(FINISHED))
_NAMES = frozenset(column.name for column in _COLUMNS)


class SqlStore:
    """Implements `Store`."""

    outlives_deploys = True

    def __init__(self, url: Secret, *, keep: int = 200, lease_s: float = 20.0, said: Process | None = None) -> None:
        """Connect, migrate the schema and take a lease of `lease_s` seconds; raise `StoreTrouble`."""
        self._keep = keep
        self._database = Database(url)
        try:
            migrate(self._database)
            self._lease = SqlLease(self._database, lease_s, said or Process())
        except BaseException:
            self._database.close()
            raise
        self.owner = self._lease.owner
        self.drafts = rows.SqlDrafts(self._database, self.owner)
        self.logins = rows.SqlLogins(self._database)
        self.fetched = rows.SqlFetched(self._database)
        self.samples = rows.SqlSamples(self._database)
        self.audit = rows.SqlAudit(self._database)
        self.waker = SqlWaker(self._database, self.owner)
        self.words = SqlWords(self._database)

    def close(self) -> None:
        self._lease.close()
        self._database.close()

    def add(self, job: Job) -> Job:
        row = insert(REPORTS).values({name: _to_column(name, getattr(job, name)) for name in _NAMES})
        newest = select(_R.report_id).where(_OVER).order_by(_R.created.desc()).limit(self._keep)
        with self._database.transaction() as db:
            added = db.scalar(row.on_conflict_do_nothing(index_elements=["request_key"]).returning(_R.report_id))
            # Rows that another process deletes at this moment are left to it.
            old = select(_R.report_id).where(_OVER, _R.report_id.not_in(newest)).with_for_update(skip_locked=True)
            db.execute(delete(REPORTS).where(_R.report_id.in_(old)))
            if added is not None:
                return job
            # The other transaction has been committed before this insert went on.
            return _job(db.execute(select(*_COLUMNS).where(_R.request_key == job.request_key)).one())

    def claim(
        self,
        backend: str | None = None,
        *,
        limit: int | None = None,
        others: Collection[str] = (),
        own: bool = False,
    ) -> Job | None:
        left: ColumnElement[bool] = _R.backend.is_(None) | _R.backend.not_in(others)
        left = _R.backend == backend if own else left
        free = (
            select(*_COLUMNS).where(_UNFINISHED, _R.owner == NOBODY, left).order_by(_R.created, _R.report_id).limit(1)
        )
        has = select(func.count()).where(_UNFINISHED, _R.owner != NOBODY, _R.backend == backend)
        with self._database.transaction() as db:
            if limit is not None:
                # Two processes that count at once would each take the last place.
                db.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"ert_claim:{backend}"))))
                if db.execute(has).scalar_one() >= limit:
                    return None
            row = db.execute(free.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            mine = update(REPORTS).where(_R.report_id == row.report_id)
            db.execute(mine.values(owner=self.owner, backend=backend))
        return dataclasses.replace(_job(row), owner=self.owner)

    def abort(self, report_id: str, now: float) -> Job | None:
        fields = _aborted_if(_R.owner == NOBODY, now, Status.ABORTING, _R.detail)
        asked = update(REPORTS).where(_R.report_id == report_id, _UNFINISHED)
        return self._changed(asked.values(abort_requested=true(), **fields))

    def to_abort(self) -> list[str]:
        mine = select(_R.report_id).where(_UNFINISHED, _R.owner == self.owner, _R.abort_requested)
        with self._database.transaction() as db:
            return list(db.scalars(mine))

    def change(self, report_id: str, **fields: Any) -> Job | None:
        unknown = fields.keys() - _NAMES
        if unknown:
            raise ValueError(f"a report has no field {min(unknown)!r}")
        done = (
            update(REPORTS)
            .where(_R.report_id == report_id, _R.owner == self.owner, _UNFINISHED)
            .values({name: _to_column(name, value) for name, value in fields.items()})
        )
        return self._changed(done)

    def get(self, report_id: str) -> Job | None:
        return self._one(_R.report_id == report_id)

    def by_key(self, request_key: str) -> Job | None:
        return self._one(_R.request_key == request_key)

    def _one(self, condition: ColumnElement[bool]) -> Job | None:
        with self._database.transaction() as db:
            row = db.execute(select(*_COLUMNS).where(condition)).one_or_none()
        return None if row is None else _job(row)

    def _changed(self, change: Update) -> Job | None:
        """Execute a change of at most one job and return its new state; None if there is no such job."""
        with self._database.transaction() as db:
            row = db.execute(change.returning(*_COLUMNS)).one_or_none()
        return None if row is None else _job(row)

    def delete(self, report_id: str) -> bool:
        with self._database.transaction() as db:
            return db.execute(delete(REPORTS).where(_R.report_id == report_id, _OVER)).rowcount == 1

    def expire(self, before: float) -> int:
        with self._database.transaction() as db:
            return db.execute(delete(REPORTS).where(_OVER, _R.finished < before)).rowcount

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

    def open_ids(self) -> dict[str, Status]:
        every = select(_R.report_id, _R.status).where(_UNFINISHED).order_by(_R.created, _R.report_id)
        with self._database.transaction() as db:
            return {row.report_id: Status(row.status) for row in db.execute(every)}

    def requeue(self, now: float) -> list[Job]:
        with self._database.transaction() as db:
            owners = set(db.scalars(select(_R.owner).where(_UNFINISHED, _R.owner != NOBODY).distinct()))
            gone = owners - living(db) - {self.owner}
            if not gone:
                return []
            # `owner` is asked for again on the locked row: a job that another process put back stays as it is.
            free = select(_R.report_id).where(_UNFINISHED, _R.owner.in_(gone)).with_for_update(skip_locked=True)
            waits = update(REPORTS).where(_R.report_id.in_(free), _R.owner.in_(gone))
            fields = _aborted_if(_R.abort_requested, now, Status.QUEUED, literal(RESUMING))
            found = [_job(row) for row in db.execute(waits.values(owner=NOBODY, **fields).returning(*_COLUMNS))]
        return sorted(found, key=lambda job: (job.created, job.report_id))

    def counts(self) -> tuple[int, int]:
        waiting = _R.status == str(Status.QUEUED)
        both = select(func.count().filter(~waiting), func.count().filter(waiting))
        with self._database.transaction() as db:
            running, queued = db.execute(both.where(_UNFINISHED)).one()
        return running, queued

    def processes(self) -> list[Process]:
        with self._database.transaction() as db:
            return processes(db)

    def typical_seconds(self) -> float | None:
        done = _R.status == str(Status.COMPLETED)
        last = select(_R.finished - _R.started).where(done, _R.started.is_not(None))
        with self._database.transaction() as db:
            lengths = sorted(db.scalars(last.order_by(_R.finished.desc()).limit(10)))
        return lengths[len(lengths) // 2] if lengths else None


def _aborted_if(
    condition: ColumnElement[bool], now: float, status: Status, detail: ColumnElement[str]
) -> dict[str, ColumnElement[Any]]:
    """Return the columns of a job that is aborted where `condition` holds, and else has this status and detail."""
    return {
        "status": case((condition, str(Status.ABORTED)), else_=str(status)),
        "finished": case((condition, now), else_=_R.finished),
        "error": case((condition, ABORTED), else_=_R.error),
        "detail": case((condition, ""), else_=detail),
    }


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

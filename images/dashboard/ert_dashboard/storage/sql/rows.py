"""Rows of the database beside the jobs: sections, login sessions, cached figures, samples and the audit."""

from __future__ import annotations

from sqlalchemy import delete, exists, func, insert, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from ert_dashboard.storage.interface import (
    LONGEST_TEXT,
    MOST_EVENTS,
    MOST_FETCHED,
    MOST_SAMPLES,
    MOST_SECTIONS,
    Event,
    storable,
)
from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.tables import AUDIT, FETCHED, REPORTS, SAMPLES, SECTIONS, SESSIONS


class SqlDrafts:
    """Implements `Drafts`."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    def of(self, report_id: str) -> SqlDraft:
        return SqlDraft(self._database, report_id, self._owner)


class SqlDraft:
    """Implements `Draft`."""

    def __init__(self, database: Database, report_id: str, owner: str) -> None:
        self._database = database
        self._report_id = report_id
        self._here = SECTIONS.c.report_id == report_id
        self._mine = (REPORTS.c.report_id == report_id) & (REPORTS.c.owner == owner)

    def keep(self, section: str, text: str) -> None:
        values = [literal(value) for value in (self._report_id, storable(section[:80]), storable(text[:LONGEST_TEXT]))]
        kept = select(func.count()).select_from(SECTIONS).where(self._here).scalar_subquery()
        row = upsert(SECTIONS).from_select(
            ["report_id", "section", "text"],
            select(*values).select_from(REPORTS).where(self._mine, kept < MOST_SECTIONS),
        )
        with self._database.transaction() as db:
            db.execute(row.on_conflict_do_update(constraint="ert_sections_of_report", set_={"text": row.excluded.text}))

    def clear(self) -> None:
        with self._database.transaction() as db:
            db.execute(delete(SECTIONS).where(self._here, exists().where(self._mine)))

    def sections(self) -> dict[str, str]:
        mine = select(SECTIONS.c.section, SECTIONS.c.text).where(self._here).order_by(SECTIONS.c.id)
        with self._database.transaction() as db:
            return {section: text for section, text in db.execute(mine)}


class SqlLogins:
    """Implements `LoginRows`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, key: str, tag: str, expires: float, now: float) -> None:
        with self._database.transaction() as db:
            db.execute(delete(SESSIONS).where(or_(SESSIONS.c.expires <= now, SESSIONS.c.tag != tag)))
            db.execute(insert(SESSIONS).values(key=key, tag=tag, expires=expires))

    def find(self, key: str) -> tuple[str, float] | None:
        with self._database.transaction() as db:
            row = db.execute(select(SESSIONS.c.tag, SESSIONS.c.expires).where(SESSIONS.c.key == key)).one_or_none()
        return None if row is None else (row.tag, row.expires)

    def delete(self, key: str) -> None:
        with self._database.transaction() as db:
            db.execute(delete(SESSIONS).where(SESSIONS.c.key == key))


class SqlFetched:
    """Implements `FetchedRows`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, key: str) -> tuple[str, float] | None:
        with self._database.transaction() as db:
            row = db.execute(select(FETCHED.c.value, FETCHED.c.at).where(FETCHED.c.key == storable(key))).one_or_none()
        return None if row is None else (row.value, row.at)

    def keep(self, key: str, value: str, at: float) -> None:
        row = upsert(FETCHED).values(key=storable(key), value=value, at=at)
        newest = select(FETCHED.c.key).order_by(FETCHED.c.at.desc()).limit(MOST_FETCHED)
        with self._database.transaction() as db:
            db.execute(
                row.on_conflict_do_update(
                    index_elements=["key"], set_={"value": row.excluded.value, "at": row.excluded.at}
                )
            )
            db.execute(delete(FETCHED).where(FETCHED.c.key.not_in(newest)))


class SqlSamples:
    """Implements `SampleRows`. Two processes that look in one minute store one sample."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, at: float, uptime: float | None) -> None:
        row = upsert(SAMPLES).values(minute=int(at // 60), at=at, uptime=uptime)
        newest = select(SAMPLES.c.minute).order_by(SAMPLES.c.minute.desc()).limit(MOST_SAMPLES)
        with self._database.transaction() as db:
            db.execute(
                row.on_conflict_do_update(
                    index_elements=["minute"], set_={"at": row.excluded.at, "uptime": row.excluded.uptime}
                )
            )
            db.execute(delete(SAMPLES).where(SAMPLES.c.minute.not_in(newest)))

    def latest(self) -> list[tuple[float, float | None]]:
        with self._database.transaction() as db:
            found = db.execute(select(SAMPLES.c.at, SAMPLES.c.uptime).order_by(SAMPLES.c.minute))
            return [(row.at, row.uptime) for row in found]


class SqlAudit:
    """Implements `AuditRows`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: Event) -> None:
        values = {"what": event.what, "client": storable(event.client), "about": storable(event.about)}
        last = select(func.max(AUDIT.c.id)).scalar_subquery()
        with self._database.transaction() as db:
            db.execute(insert(AUDIT).values(at=event.at, **values))
            db.execute(delete(AUDIT).where(AUDIT.c.id <= last - MOST_EVENTS))

    def latest(self, limit: int = 100) -> list[Event]:
        newest = select(AUDIT.c.at, AUDIT.c.what, AUDIT.c.client, AUDIT.c.about).order_by(AUDIT.c.id.desc())
        with self._database.transaction() as db:
            return [Event(*row) for row in db.execute(newest.limit(limit))]

"""Tables of the PostgreSQL store, as SQLAlchemy Core describes them. `migrations` creates them.

A column that is added later is nullable or has a server default, and no column is renamed or removed: Render rolls a
service back to an earlier build without touching the database. Times are Unix seconds of the clock of the process,
except the end of a lease, which is by the clock of the database. All names start with `ert_`: the database may have
tables of another program.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0007"  # the newest revision that this release knows
VERSION = "ert_schema"  # the table in which Alembic keeps the revision
METADATA = MetaData()

REPORTS = Table(
    "ert_reports",
    METADATA,
    Column("report_id", Text, primary_key=True),
    Column("ticker", Text, nullable=False),
    Column("company", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("owner", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("position", Integer),
    Column("sections_done", Integer, nullable=False),
    Column("sections_total", Integer, nullable=False),
    Column("started", Double),
    Column("accepted", Double),
    Column("finished", Double),
    Column("error", Text),
    Column("abort_requested", Boolean, nullable=False),
    Column("last_event", Text),
    Column("word_count", Integer),
    Column("request_key", Text),
    Column("backend", Text),
    Column("moves", Integer),
    Column("writing_since", Double),
    Column("cost", Double),
    Column("request", Text, nullable=False),
    Column("result", Text),
    Index("ert_reports_by_age", "created"),
    Index("ert_reports_by_owner", "owner", "status"),
    Index("ert_reports_by_key", "request_key", unique=True),
)
SECTIONS = Table(
    "ert_sections",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("report_id", Text, ForeignKey("ert_reports.report_id", ondelete="CASCADE"), nullable=False),
    Column("section", Text, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("report_id", "section", name="ert_sections_of_report"),
)
PROCESSES = Table(
    "ert_processes",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("expires", DateTime(timezone=True), nullable=False),
    Column("role", Text),
    Column("instance", Text),
    Column("fingerprint", Text),
)
SESSIONS = Table(
    "ert_sessions",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("tag", Text, nullable=False),
    Column("expires", Double, nullable=False),
)
FETCHED = Table(
    "ert_fetched",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Double, nullable=False),
)
SAMPLES = Table(
    "ert_samples",
    METADATA,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("uptime", Double),
)
AUDIT = Table(
    "ert_audit",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", Double, nullable=False),
    Column("what", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("about", Text, nullable=False),
)
WAKER = Table(
    "ert_waker",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("wanted_until", Double, nullable=False),
    Column("asked", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("told", Double, nullable=False),
)
WORDS = Table(
    "ert_words",
    METADATA,
    Column("machine", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("received", Double, nullable=False),
    Column("text", Text, nullable=False),
)

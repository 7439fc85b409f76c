"""Revision 0001: reports with their sections, owners, login sessions, cached figures, samples and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _reports()
    _others()


def _reports() -> None:
    op.create_table(
        "ert_reports",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("ticker", sa.Text, nullable=False),
        sa.Column("company", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("position", sa.Integer),
        sa.Column("sections_done", sa.Integer, nullable=False),
        sa.Column("sections_total", sa.Integer, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("accepted", sa.Double),
        sa.Column("finished", sa.Double),
        sa.Column("error", sa.Text),
        sa.Column("abort_requested", sa.Boolean, nullable=False),
        sa.Column("last_event", sa.Text),
        sa.Column("word_count", sa.Integer),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
    )
    op.create_index("ert_reports_by_age", "ert_reports", ["created"])
    op.create_index("ert_reports_by_owner", "ert_reports", ["owner", "status"])
    op.create_table(
        "ert_sections",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("report_id", sa.Text, sa.ForeignKey("ert_reports.report_id", ondelete="CASCADE"), nullable=False),
        sa.Column("section", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.UniqueConstraint("report_id", "section", name="ert_sections_of_report"),
    )


def _others() -> None:
    op.create_table(
        "ert_processes",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "ert_sessions",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    op.create_table(
        "ert_fetched",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_table(
        "ert_samples",
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("uptime", sa.Double),
    )
    op.create_table(
        "ert_audit",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
    )

"""Revision 0005: the backend that has a report, and how often it was moved to another one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns, which an earlier release does not fill."""
    op.add_column("ert_reports", sa.Column("backend", sa.Text))
    op.add_column("ert_reports", sa.Column("moves", sa.Integer))

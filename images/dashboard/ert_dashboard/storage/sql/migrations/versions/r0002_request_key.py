"""Revision 0002: the idempotency key of a request for a report."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column, which an earlier release does not fill, and its index."""
    op.add_column("ert_reports", sa.Column("request_key", sa.Text))
    op.create_index("ert_reports_by_key", "ert_reports", ["request_key"], unique=True)

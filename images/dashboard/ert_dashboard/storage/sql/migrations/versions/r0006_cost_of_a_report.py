"""Revision 0006: since when a report is being written, and what it has cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns, which an earlier release does not fill."""
    op.add_column("ert_reports", sa.Column("writing_since", sa.Double))
    op.add_column("ert_reports", sa.Column("cost", sa.Double))

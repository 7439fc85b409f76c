"""Revision 0003: the process that wakes the backend."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table, of which an earlier release takes no notice."""
    op.create_table(
        "ert_waker",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("wanted_until", sa.Double, nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("told", sa.Double, nullable=False),
    )

"""Revision 0007: the last messages of guards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table, of which an earlier release takes no notice."""
    op.create_table(
        "ert_words",
        sa.Column("machine", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("received", sa.Double, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )

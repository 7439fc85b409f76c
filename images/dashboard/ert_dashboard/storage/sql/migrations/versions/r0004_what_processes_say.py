"""Revision 0004: what each process is, and the configuration that it runs with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns, which an earlier release does not fill."""
    for name in ("role", "instance", "fingerprint"):
        op.add_column("ert_processes", sa.Column(name, sa.Text))

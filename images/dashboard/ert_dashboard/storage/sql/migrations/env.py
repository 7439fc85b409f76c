"""Alembic's entry: runs the revisions on the connection that `sql.migrate` passes, inside its transaction."""

from __future__ import annotations

from alembic import context

from ert_dashboard.storage.sql.tables import METADATA, VERSION

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION)
with context.begin_transaction():
    context.run_migrations()

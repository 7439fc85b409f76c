"""A database for the tests of one module: migrated once, and emptied for each test."""

from __future__ import annotations

from ert_dashboard.base.secret import Secret
from ert_dashboard.storage.sql.engine import Database
from ert_dashboard.storage.sql.migrate import migrate
from ert_dashboard.storage.sql.tables import METADATA


def emptied(url: str) -> str:
    """Migrate the database if it is not, delete all rows, and return its URL."""
    database = Database(Secret(url))
    migrate(database)
    with database.transaction() as session:
        for table in reversed(METADATA.sorted_tables):
            session.execute(table.delete())
    database.close()
    return url

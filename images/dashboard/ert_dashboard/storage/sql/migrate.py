"""Schema migrations: `python -m ert_dashboard.storage.sql.migrate` before a deploy, and at each start.

Only one process migrates at a time, and the others wait for it. A schema that is newer than this release is left as it
is: revisions only add, so that an earlier release still works after a rollback.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from sqlalchemy import Connection, column, select, table, text

from ert_dashboard.base import redaction
from ert_dashboard.base.secret import Secret
from ert_dashboard.storage.interface import StoreTrouble
from ert_dashboard.storage.sql.engine import LIMITS, Database
from ert_dashboard.storage.sql.tables import REVISION, VERSION

_LOG = logging.getLogger(__name__)
_LOCK = 0x657274DB  # the advisory lock of those who migrate
_WAIT_S = 60
_FOLDER = Path(__file__).with_name("migrations")


def migrate(database: Database) -> str:
    """Bring the schema to the revision of this release, and return the revision that it has; raise `StoreTrouble`."""
    with database.transaction() as connection:
        if _current(connection) == REVISION:
            return REVISION
        for limit in LIMITS:  # those of the connection are for short transactions
            connection.execute(text(f"SET LOCAL {limit} = '{_WAIT_S}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = _current(connection)
        if found is None or found in _known():
            _upgrade(connection)
            return REVISION
    _LOG.warning("the schema is revision %s, newer than %s of this release; it is left as it is", found, REVISION)
    return found


def _current(connection: Connection) -> str | None:
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": VERSION}) is None:
        return None
    found = connection.scalar(select(column("version_num")).select_from(table(VERSION)))
    return None if found is None else str(found)


def _known() -> set[str]:
    from alembic.script import ScriptDirectory  # takes some memory, and most starts find the schema ready

    return {script.revision for script in ScriptDirectory(_FOLDER).walk_revisions()}


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)
    _LOG.info("the schema of the database is now revision %s", REVISION)


def main() -> int:
    """Migrate the database of `DATABASE_URL`; return the exit code."""
    redaction.HELD.hold_named(os.environ)
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        sys.stderr.write("ert-dashboard: DATABASE_URL is not set\n")
        return 2
    try:
        database = Database(Secret(url))
        try:
            revision = migrate(database)
        finally:
            database.close()
    except StoreTrouble as error:
        sys.stderr.write(f"ert-dashboard: DATABASE_URL: {error}\n")
        return 1
    sys.stderr.write(f"ert-dashboard: the schema is revision {revision}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

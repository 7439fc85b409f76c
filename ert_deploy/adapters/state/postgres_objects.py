"""PostgreSQL objects: gets and conditionally puts small objects in two tables. Only this module imports psycopg.

`ert_deploy_objects` has the current version of each, `ert_deploy_versions` the last ones; both are created by the first
write. A write is one transaction, sent exactly once: the caller determines whether it was carried out if there was no
response. Reads are repeated with the injected clock.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ert_deploy.adapters.extras import part_of
from ert_deploy.adapters.state.objects import Found, NoAnswer, Unmet, repeated
from ert_deploy.adapters.state.postgres_url import Database
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.stored import StoredVersion
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
KEPT = 100  # versions of each object
CONNECT, STATEMENT, TOTAL = 5, 20, 60.0  # seconds
# Seconds after which the server ends a transaction whose client has gone without a word: its lock would stop the next.
IDLE = 5
OBJECTS = (
    "CREATE TABLE IF NOT EXISTS ert_deploy_objects (key text PRIMARY KEY, body bytea NOT NULL, mark text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS ert_deploy_versions (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "key text NOT NULL, body bytea, at timestamptz NOT NULL DEFAULT clock_timestamp())",
    "CREATE INDEX IF NOT EXISTS ert_deploy_versions_of ON ert_deploy_versions (key, id)",
)
CREATING = 0x657274  # the advisory lock of those who create the tables, which two sessions cannot do at once
# Conditions that pass by themselves: the connection, a full server, a restart, a lock, a failed serialization.
PASSING = ("08", "53", "57", "40", "55")
HINTS = {
    "28": ("the database does not accept the user or the password", "correct the URL in {variable}"),
    "3D": ("the database does not exist", "create it, or correct the URL in {variable}"),
    "42501": ("the user is not allowed to", "it needs to create tables once, then SELECT, INSERT, UPDATE and DELETE"),
    "25006": ("the database is read-only", "{variable} has to name the primary, not a replica"),
    "53100": ("the disk of the database is full", "enlarge it; nothing was written"),
}


class PostgresObjects:
    """Implements `Objects` with one database, over one connection that is opened when it is needed."""

    service = "the database"
    always_conditional = True

    def __init__(self, database: Database, clock: Clock) -> None:
        with part_of("postgres", "state in PostgreSQL"):
            import psycopg  # noqa: F401 - so that a missing extra is reported before anything is rented
        self.database = database
        self.clock = clock
        self._open: list[psycopg.Connection[Any]] = []  # at most one
        weakref.finalize(self, _close, self._open)

    def where(self, key: str) -> str:
        """Return the location of an object, without user and password."""
        return f"postgres://{self.database.place}#{key}"

    def get(self, key: str) -> Found | None:
        """Return an object; None if there is none by that key. Raise `CannotObserve` or `UsageError`."""
        row = self._repeated(f"read {self.where(key)}", lambda: self._rows(f"read {self.where(key)}", key))
        return Found(bytes(row[0][0]), row[0][1], row[0][1]) if row else None

    def put(self, key: str, body: bytes, etag: str | None, mark: str) -> str:
        """Write once, if the object has that tag or (None) does not exist, and return the new tag, which is the mark.

        Raises `Unmet`, `NoAnswer` or `UsageError`.
        """
        what = f"write {self.where(key)}"
        if etag is None:
            self._create_tables(what)
            command = "INSERT INTO ert_deploy_objects (key, body, mark) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
            values: tuple[object, ...] = (key, body, mark)
        else:
            command = "UPDATE ert_deploy_objects SET body = %s, mark = %s WHERE key = %s AND mark = %s"
            values = (body, mark, key, etag)
        self._change(what, command, values, key, body)
        return mark

    def delete(self, key: str, etag: str) -> None:
        """Delete once, if the object has that tag. Raise `Unmet`, `NoAnswer` or `UsageError`."""
        command = "DELETE FROM ert_deploy_objects WHERE key = %s AND mark = %s"
        self._change(f"delete {self.where(key)}", command, (key, etag), key, None)

    def versions(self, key: str) -> tuple[StoredVersion, ...]:
        """Return the last versions of a key, newest first. Raise `CannotObserve` or `UsageError`."""
        what = f"list the versions of {self.where(key)}"
        command = (
            "SELECT id, extract(epoch FROM at)::float8, coalesce(length(body), 0), body IS NULL "
            "FROM ert_deploy_versions WHERE key = %s ORDER BY id DESC"
        )
        rows = self._repeated(what, lambda: self._rows(what, key, command))
        return tuple(
            StoredVersion(str(number), at, size, "deleted" if gone else "current" if newest else "earlier")
            for newest, (number, at, size, gone) in zip((True, *[False] * len(rows)), rows, strict=False)
        )

    def must_keep_versions(self) -> None:
        """Do nothing: the table of versions is written by the same transaction as the object."""

    def _rows(self, what: str, key: str, command: str = "") -> list[tuple[Any, ...]]:
        from psycopg.errors import UndefinedTable

        try:
            with self._transaction(what) as session:
                return session.execute(
                    command or "SELECT body, mark FROM ert_deploy_objects WHERE key = %s", (key,)
                ).fetchall()
        except UndefinedTable:
            return []

    def _change(self, what: str, command: str, values: tuple[object, ...], key: str, body: bytes | None) -> None:
        from psycopg.errors import UndefinedTable

        try:
            with self._transaction(what) as session:
                if session.execute(command, values).rowcount != 1:
                    raise Unmet(f"{self.where(key)} has changed, or is gone")
                session.execute("INSERT INTO ert_deploy_versions (key, body) VALUES (%s, %s)", (key, body))
                session.execute(
                    "DELETE FROM ert_deploy_versions WHERE key = %s AND id NOT IN "
                    "(SELECT id FROM ert_deploy_versions WHERE key = %s ORDER BY id DESC LIMIT %s)",
                    (key, key, KEPT),
                )
        except UndefinedTable:
            raise Unmet(f"{self.where(key)} is gone, with its table") from None

    def _create_tables(self, what: str) -> None:
        with self._transaction(what) as session:
            found = session.execute(
                "SELECT to_regclass('ert_deploy_objects'), to_regclass('ert_deploy_versions')"
            ).fetchone()
            if found is not None and None not in found:
                return
            session.execute("SELECT pg_advisory_xact_lock(%s)", (CREATING,))
            for command in OBJECTS:
                session.execute(command)

    def _repeated(self, what: str, call: Callable[[], T]) -> T:
        return repeated(what, call, self.clock, f"check the database and {self.database.variable}, then run it again")

    @contextmanager
    def _transaction(self, what: str) -> Iterator[psycopg.Connection[Any]]:
        """Run the block as one transaction of at most TOTAL seconds, and convert every exception of psycopg."""
        import psycopg

        try:
            session = self._connected()
            with _limited(session), session.transaction():
                session.execute(f"SET LOCAL statement_timeout = '{STATEMENT}s'")
                session.execute(f"SET LOCAL lock_timeout = '{STATEMENT}s'")
                session.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE}s'")
                session.execute("SET LOCAL synchronous_commit = on")
                yield session
        except psycopg.errors.UndefinedTable:
            raise
        except psycopg.Error as error:
            _close(self._open)
            raise self._explained(what, error) from None

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg
        from psycopg.conninfo import make_conninfo

        mode = self.database.sslmode
        if self._open and self._open[0].closed:
            _close(self._open)
        if not self._open:
            # `prepare_threshold` None: prepared statements would not survive a pooler.
            connection = psycopg.connect(
                make_conninfo(self.database.url.reveal(), **({"sslmode": mode} if mode else {})),
                autocommit=True,
                prepare_threshold=None,
                connect_timeout=CONNECT,
                application_name="ert-deploy",
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=STATEMENT * 1000,
            )
            self._open.append(connection)
        return self._open[0]

    def _explained(self, what: str, error: psycopg.Error) -> Exception:
        """Convert an error. Its text names host and user, and never a password."""
        code, said = error.sqlstate or "", printable(error)
        for prefix, (why, hint) in HINTS.items():
            if code.startswith(prefix) or (not code and _CONNECTING.get(prefix, "\0") in said):
                return UsageError(f"cannot {what}: {why}", said, hint.format(variable=self.database.variable))
        if not code or code.startswith(PASSING):
            return NoAnswer(said)
        return UsageError(f"cannot {what}: it was rejected", said, "see the error of the database")


# Texts of the server for a connection that it refuses: libpq reports no code then.
_CONNECTING = {"28": "authentication failed", "3D": "does not exist"}


def _close(connections: list[psycopg.Connection[Any]]) -> None:
    while connections:
        with suppress(Exception):
            connections.pop().close()


@contextmanager
def _limited(session: psycopg.Connection[Any]) -> Iterator[None]:
    """End the connection after TOTAL seconds, so that a server that never completes a response cannot hold the run."""

    def end() -> None:
        with suppress(Exception), socket.socket(fileno=socket.dup(session.pgconn.socket)) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(TOTAL, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()

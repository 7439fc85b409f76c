"""Connections to the database of the reports: TLS, time limits, and errors without secrets."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ert_dashboard.base import redaction
from ert_dashboard.base.secret import Secret
from ert_dashboard.storage.interface import StoreClosed, StoreTrouble

_CONNECT_S = 5
_SILENT_MS = 15_000  # after this time without an acknowledgement the system gives a connection up
# Milliseconds. A transaction whose process was frozen must not hold its rows.
LIMITS = {"statement_timeout": 10_000, "lock_timeout": 5_000, "idle_in_transaction_session_timeout": 10_000}
_POOL, _MORE, _POOL_WAIT_S = 4, 6, 5


class Database:
    """One database with a small pool of connections. Thread-safe."""

    def __init__(self, url: Secret) -> None:
        """Prepare the pool without connecting; raise `StoreTrouble` for a URL that is none."""
        self._closed = threading.Event()
        self._engine = _engine(_address(url))

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run one short transaction; raise `StoreClosed` or `StoreTrouble`.

        After an error of the connection itself it is not known whether the transaction was committed.
        """
        if self._closed.is_set():
            raise StoreClosed
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            if self._closed.is_set():
                raise StoreClosed from None
            raise StoreTrouble(f"the database cannot be used: {_reason(error)}") from None

    def close(self) -> None:
        self._closed.set()
        self._engine.dispose()


def _engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=_POOL,
        max_overflow=_MORE,
        pool_timeout=_POOL_WAIT_S,
        pool_pre_ping=True,  # the server may have been restarted since
        hide_parameters=True,
        connect_args={
            "application_name": "ert-dashboard",
            "connect_timeout": _CONNECT_S,
            "options": " ".join(f"-c {name}={value}" for name, value in LIMITS.items()),
            "prepare_threshold": None,  # statements prepared on the server do not work through a pooler
            "tcp_user_timeout": _SILENT_MS,
        },
    )


def _address(url: Secret) -> URL:
    """Return the URL for psycopg. On the way through a public network the connection is encrypted."""
    try:
        found = make_url(url.reveal())
    except ArgumentError:
        raise StoreTrouble("it is not the URL of a database") from None
    if found.drivername not in ("postgres", "postgresql") or not found.host or not found.database:
        raise StoreTrouble("it is not of the form postgresql://USER:PASSWORD@HOST/DATABASE")
    found = found.set(drivername="postgresql+psycopg")
    if "sslmode" not in found.query and _public(found.host or ""):
        found = found.update_query_dict({"sslmode": "require"})
    return found


def _public(host: str) -> bool:
    """Whether the host may be outside the private network, where Render's names have no dot."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." in host


def _reason(error: SQLAlchemyError) -> str:
    """Return the first line of the driver's own message, without secrets."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines()
    return redaction.clean(lines[0][:300]) if lines else type(original).__name__

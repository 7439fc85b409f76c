"""URL of a PostgreSQL database from an environment variable: checked, encrypted on the way, and never printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from ert_deploy.adapters.bounded_http import is_loopback
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret

ENCRYPTED = ("require", "verify-ca", "verify-full")
SHAPE = "postgres://USER:PASSWORD@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class Database:
    """A database: its `url`, the `variable` it was read from, its `place` for messages, and the `sslmode` it lacks."""

    url: Secret
    variable: str
    place: str
    sslmode: str = ""


def database(variable: str, env: Mapping[str, str]) -> Database:
    """Read and check the URL in `variable`. Raise `UsageError` without showing any part of the URL.

    Beyond loopback the connection is encrypted: `sslmode=require` unless the URL demands more.
    """
    text = env.get(variable, "").strip()
    if not text:
        raise UsageError(f"the state is in PostgreSQL, and {variable} is not set", hint=f"{variable}={SHAPE}")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or 5432
        given = parse_qs(parts.query, keep_blank_values=True)
    except ValueError:
        raise UsageError(f"{variable} is not the URL of a database", hint=f"such as {SHAPE}") from None
    redaction.hold(text, unquote(parts.password or ""))
    elsewhere = {"host", "hostaddr", "service", "dbname"} & set(given) or "," in parts.netloc
    if parts.scheme not in ("postgres", "postgresql") or not host or not parts.path.strip("/") or elsewhere:
        raise UsageError(f"{variable} is not the URL of a database", hint=f"such as {SHAPE}")
    mode = given.get("sslmode", [""])[-1]
    local = is_loopback(text)
    if not local and mode and mode not in ENCRYPTED:
        raise UsageError(
            f"{variable} has sslmode={mode}: the state could be read and replaced on the way",
            hint="leave sslmode out, or use sslmode=verify-full&sslrootcert=system",
        )
    sslmode = "" if mode or local else "require"
    return Database(Secret(text), variable, f"{host}:{port}/{parts.path.strip('/')}", sslmode)

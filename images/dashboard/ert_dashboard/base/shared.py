"""What the processes of one dashboard share: roles, the database, and the key value store for live updates."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.secret import Secret


class Role(enum.StrEnum):
    """What this process does: serve pages and queue reports, write the queued ones, or both."""

    WEB = "web"
    WORKER = "worker"
    ALL = "all"


@dataclass(frozen=True)
class Shared:
    """Role of this process, and the URLs of PostgreSQL and of Redis or Valkey; None without."""

    role: Role
    database_url: Secret | None
    redis_url: Secret | None


def read_shared(environ: Mapping[str, str]) -> Shared:
    """Parse the variables; raise `BadSetting`, also for a web process or a worker without a database.

    A preview of a pull request gets copies of the variables of production: it shares nothing, and is a whole dashboard.
    """
    preview = truth(environ.get("IS_PULL_REQUEST", "")) and environ.get("ERT_LLM_PREVIEWS") != "use"
    text = environ.get("ERT_DASHBOARD_ROLE", "").strip() or Role.ALL
    if text not in list(Role):
        raise BadSetting("ERT_DASHBOARD_ROLE must be web, worker or all")
    role = Role(text)
    if preview:
        return Shared(Role.ALL, None, None)
    postgres = _url(environ, "DATABASE_URL", ("postgres", "postgresql"), "postgresql://USER:PASSWORD@HOST/DATABASE")
    store = _url(environ, "REDIS_URL", ("redis", "rediss"), "redis://HOST:PORT")
    if store is not None and not store.reveal().startswith("rediss:") and _public(store):
        raise BadSetting("REDIS_URL leads out of the private network: it must begin with rediss://")
    if role is not Role.ALL and postgres is None:
        raise BadSetting(f"ERT_DASHBOARD_ROLE={role} needs DATABASE_URL: web process and worker meet in the database")
    return Shared(role, postgres, store if postgres is not None else None)


def refusal(processes: int, environ: Mapping[str, str]) -> str | None:
    """Return why this number of processes cannot serve; None if they can. Raises `BadSetting`."""
    shared = read_shared(environ)
    if shared.role is Role.WORKER:
        return "a worker serves no pages: start it with `python -m ert_dashboard --role worker`"
    if processes <= 1:
        return None
    missing = [
        name for name, url in (("DATABASE_URL", shared.database_url), ("REDIS_URL", shared.redis_url)) if url is None
    ]
    if not missing:
        return None
    return (
        f"{processes} processes cannot serve this dashboard without {' and '.join(missing)}: each would have reports, "
        "logins or live pages of its own. Start one with `-w 1`, which overrides WEB_CONCURRENCY"
    )


def truth(text: str) -> bool:
    """Whether a variable is on."""
    return text.strip().lower() in ("true", "1", "yes", "on")


def _public(url: Secret) -> bool:
    """Whether the host of a URL may be outside the private network, where Render's names have no dot."""
    try:
        host = urlsplit(url.reveal()).hostname or ""
    except ValueError:
        raise BadSetting("REDIS_URL must be of the form redis://HOST:PORT") from None
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...], form: str) -> Secret | None:
    url = environ.get(name, "").strip()
    if url and not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise BadSetting(f"{name} must be of the form {form}")
    return Secret(url) if url else None

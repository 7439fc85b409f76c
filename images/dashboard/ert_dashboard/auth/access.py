"""Access settings: authentication and rate limits, parsed from the environment into an immutable `Access`. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ert_dashboard.auth.client_address import Proxies, read_proxies
from ert_dashboard.auth.origin import Hosts, read_hosts
from ert_dashboard.auth.password import PasswordHash, read_hash
from ert_dashboard.base.env import BadSetting, number
from ert_dashboard.base.shared import truth

_HASH, _HEADER, _PROXIES = "ERT_DASHBOARD_PASSWORD_HASH", "ERT_DASHBOARD_LOGIN_HEADER", "ERT_DASHBOARD_TRUSTED_PROXIES"
_CLIENT = "ERT_DASHBOARD_CLIENT_HEADER"
# Render is behind Cloudflare, which appends to X-Forwarded-For what it got, and whose edges have public addresses.
# Its edge replaces this header; True-Client-IP it sets in some plans only, and passes on a client's own in the others.
_AT_RENDER = "CF-Connecting-IP"
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True)
class Access:
    """Access settings. At most one of `password` and `header` is set; without either, no login is required."""

    password: PasswordHash | None = None
    header: str | None = None
    proxies: Proxies = field(default_factory=Proxies)
    hosts: Hosts = field(default_factory=Hosts)
    session_s: float = 12 * 3600.0
    requests_per_s: float = 25.0
    reports_per_hour: float = 120.0

    @property
    def login(self) -> bool:
        """Whether every visitor has logged in."""
        return self.password is not None or self.header is not None


def read_access(environ: Mapping[str, str]) -> Access:
    """Parse the settings; raise `BadSetting` for an incomplete login rather than start unprotected."""
    header = environ.get(_HEADER, "").strip()
    proxies = read_proxies(environ.get(_PROXIES, ""), _PROXIES, _client_headers(environ))
    password = _password(environ)
    if header and password:
        raise BadSetting(f"{_HASH} and {_HEADER} are both set; choose one way to log in")
    if header and not _HEADER_NAME.fullmatch(header):
        raise BadSetting(f"{_HEADER} is not the name of a header")
    if header and not proxies.networks:
        raise BadSetting(f"{_HEADER} needs {_PROXIES}: without a trusted proxy the header is not reliable")
    return Access(
        password=password,
        header=header or None,
        proxies=proxies,
        hosts=read_hosts(environ),
        session_s=3600 * number(environ, "ERT_DASHBOARD_SESSION_HOURS", 12, 0.001, 24 * 30),
        requests_per_s=number(environ, "ERT_DASHBOARD_REQUESTS_PER_SECOND", 25, 0, 1e6),
        reports_per_hour=number(environ, "ERT_DASHBOARD_REPORTS_PER_HOUR", 120, 0, 1e6),
    )


def _client_headers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the headers in which a trusted proxy gives the client's address; `none` for X-Forwarded-For alone."""
    text = environ.get(_CLIENT, "").strip()
    if text.lower() == "none":
        return ()
    if text and not environ.get(_PROXIES, "").strip():
        raise BadSetting(f"{_CLIENT} needs {_PROXIES}: without a trusted proxy the header is not reliable")
    names = text or (_AT_RENDER if truth(environ.get("RENDER", "")) else "")
    found = tuple(name.strip() for name in names.split(",") if name.strip())
    if not all(_HEADER_NAME.fullmatch(name) for name in found):
        raise BadSetting(f"{_CLIENT} must be `none`, or names of headers such as CF-Connecting-IP")
    return found


def _password(environ: Mapping[str, str]) -> PasswordHash | None:
    if _HASH not in environ:
        return None
    try:
        return read_hash(environ[_HASH])
    except ValueError as error:
        raise BadSetting(f"{_HASH}: {error}; make one with `python -m ert_dashboard.auth.password`") from None

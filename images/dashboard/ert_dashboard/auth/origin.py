"""Names and origins: whether the host of a request is one of this dashboard's, and whether its own page sent it.

Requests and live connections are judged by the same two rules. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from werkzeug.wrappers import Request

from ert_dashboard.auth.client_address import Proxies, read_address
from ert_dashboard.base.env import BadSetting

FOREIGN = "requests from other sites are not accepted"
HOSTS = "ERT_DASHBOARD_HOSTS"
ANY, AT_RENDER = "any", "render"
_NAME = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,20}")
_PORTS = {"http": 80, "https": 443}
_MOST_FORWARDED = 5


@dataclass(frozen=True)
class Hosts:
    """Names under which the dashboard is served; None for any. `*.example.com` is every name below that one."""

    names: frozenset[str] | None = None

    def accept(self, host: str) -> bool:
        """Whether a Host header names this dashboard.

        An address, and a name without a dot, always do: no public DNS record can lead a stranger's page here by one.
        """
        if self.names is None:
            return True
        split = _split(f"//{host}")
        name = (split.hostname or "").rstrip(".") if split else ""
        if not name:
            return False
        if read_address(name) is not None or "." not in name or name in self.names:
            return True
        return any(f"*{name[at:]}" in self.names for at in range(len(name)) if name[at] == ".")


def read_hosts(environ: Mapping[str, str]) -> Hosts:
    """Parse the names; at Render, the one that Render gave is one of them, `render` no other. Raises `BadSetting`.

    Any name is accepted if the variable is not set: the process cannot know its own domain, and had to serve it.
    """
    words = [word.strip().lower().rstrip(".") for word in environ.get(HOSTS, "").split(",") if word.strip()]
    given = environ.get("RENDER_EXTERNAL_HOSTNAME", "").strip().lower()
    if words in ([], [ANY]) or (words == [AT_RENDER] and not given):
        return Hosts()
    if not all(_NAME.fullmatch(word) for word in words) or ANY in words:
        raise BadSetting(f"{HOSTS} must be `{ANY}`, or names such as ert.example.com and *.example.com")
    return Hosts(frozenset([*words, given] if given else words))


def same_origin(asked: Request, proxies: Proxies) -> bool:
    """Return False if the browser reports that another site sent the request.

    The host is that of the Host header, or of X-Forwarded-Host if a trusted proxy sent it. The scheme is not compared:
    a proxy that ends TLS may not tell it.
    """
    if asked.headers.get("Sec-Fetch-Site") == "cross-site":
        return False
    origin = asked.headers.get("Origin")
    return origin is None or _is_one_of(origin, _hosts_of(asked, trusted=proxies.trusts(asked.remote_addr or "")))


def needs_trust(asked: Request, proxies: Proxies) -> bool:
    """Whether a request counts as another site's only because its proxy is not trusted."""
    origin = asked.headers.get("Origin", "")
    return not proxies.trusts(asked.remote_addr or "") and _is_one_of(origin, _hosts_of(asked, trusted=True))


def _hosts_of(asked: Request, *, trusted: bool) -> list[str]:
    forwarded = asked.headers.get("X-Forwarded-Host", "").split(",")[:_MOST_FORWARDED] if trusted else []
    return [asked.headers.get("Host", ""), *(host.strip() for host in forwarded)]


def _is_one_of(origin: str, hosts: Iterable[str]) -> bool:
    there = _split(origin)
    if there is None or not there.hostname or there.scheme not in _PORTS:
        return False
    return any(_place(host, there.scheme) == _place(there.netloc, there.scheme) for host in hosts if host)


def _place(host: str, scheme: str) -> tuple[str, int] | None:
    """Return name and port, the usual one of the scheme if there is none; None for what is no host."""
    split = _split(f"//{host}")
    return (split.hostname, split.port or _PORTS[scheme]) if split is not None and split.hostname else None


def _split(url: str) -> SplitResult | None:
    try:
        split = urlsplit(url)
        _ = split.port
    except ValueError:
        return None
    return split

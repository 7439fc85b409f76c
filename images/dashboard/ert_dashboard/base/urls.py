"""Origins of servers and their certificates, as environment variables give them. No I/O."""

from __future__ import annotations

import ipaddress
import ssl
from urllib.parse import SplitResult, urlsplit

_PORTS = {"https": 443, "http": 80}


def read_origin(text: str, schemes: tuple[str, ...] = ("https",)) -> str | None:
    """Return `SCHEME://HOST:PORT` of a URL without a path, a query or a login; None for any other text."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return None
    host = url.hostname
    if url.scheme not in schemes or not host or _more_than_an_origin(url):
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown}:{port or _PORTS[url.scheme]}"


def within_private_network(origin: str) -> bool:
    """Whether an origin is on this machine or in a private network, where names of hosts have no dot."""
    host = urlsplit(origin).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


def loads(pem: str) -> bool:
    """Whether a text is a PEM certificate that TLS can use."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError, TypeError):
        return False
    return True


def _more_than_an_origin(url: SplitResult) -> bool:
    return "@" in url.netloc or url.path not in ("", "/") or bool(url.query or url.fragment)

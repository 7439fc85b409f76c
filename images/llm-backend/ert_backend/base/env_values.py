"""Parsers for environment variables of the engine; each raises ValueError with the reason for an invalid value."""

from __future__ import annotations

import ipaddress
import re

HOTTEST = 2.0


def base_url(text: str) -> str:
    """Return the base URL of an OLLAMA_HOST value (`host`, `host:port` or a URL)."""
    scheme, _, rest = text.rpartition("://")
    host, _, port = rest.rstrip("/").partition(":")
    if scheme not in {"", "http"} or not re.fullmatch(r"[A-Za-z0-9.-]+", host):
        raise ValueError("is not host:port")
    port = port or "11434"
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError("is not a whole number from 1 to 65535")
    return f"http://{host}:{int(port)}"


def loopback_url(text: str) -> str:
    """Return the base URL of a server without a key, which has to be on loopback; otherwise raise ValueError."""
    url = base_url(text)
    host = url.removeprefix("http://").rpartition(":")[0]
    if not is_loopback(host):
        raise ValueError("is not on loopback")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def digest(text: str) -> str | None:
    """Parse a digest of 64 hex digits, as Ollama lists them; None for an empty value."""
    bare = text.lower().removeprefix("sha256:")
    if bare and not re.fullmatch(r"[0-9a-f]{64}", bare):
        raise ValueError("is not a SHA-256 digest in hex")
    return bare or None


def on_or_off(text: str) -> bool:
    """Parse a boolean."""
    if text not in {"on", "off"}:
        raise ValueError("is neither on nor off")
    return text == "on"


def temperature(text: str) -> float:
    """Parse a sampling temperature."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if not 0 <= value <= HOTTEST:
        raise ValueError("is not between 0 and 2")
    return value

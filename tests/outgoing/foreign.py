"""Log locations in a provider's response that must never be read."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.providers.vast.logs import fetch
from tests.support.fakes.timing import FakeClock

PROVIDER = "https://console.vast.ai"
NAMES = {"inside.example": ["10.1.2.3"], "half.example": ["1.1.1.1", "169.254.169.254"], "home.example": ["127.0.0.1"]}
FOREIGN = {
    "plain http": "http://storage.example/x.log",
    "a file": "file:///etc/passwd",
    "no host": "https:///x.log",
    "a password in it": "https://user:secret@storage.example/x.log",
    "this machine by number": "https://127.0.0.1/x.log",
    "this machine by name": "https://localhost/x.log",
    "this machine, IPv6": "https://[::1]/x.log",
    "this machine, mapped": "https://[::ffff:127.0.0.1]/x.log",
    "the private network": "https://192.168.1.1/x.log",
    "a cloud's metadata": "https://169.254.169.254/latest/meta-data/",
    "a carrier's network": "https://100.64.0.1/x.log",
    "a short spelling": "https://127.1/x.log",
    "a name for a private address": "https://inside.example/x.log",
    "a name for one private of two": "https://half.example/x.log",
    "a name for this machine": "https://home.example/x.log",
}


def refused(url: str, provider: str = PROVIDER) -> str | None:
    """Return the reason why the location is not read, or None if there was a connection."""
    real, opened = socket.getaddrinfo, []

    def look_up(host: str, port: Any, *arguments: Any, **named: Any) -> Any:
        if host in NAMES:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in NAMES[host]]
        return real(host, port, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        patch.setattr(socket.socket, "connect", lambda _, address: opened.append(address))
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            patch.delenv(name, raising=False)
        try:
            fetch(url, provider, FakeClock())
        except CannotObserve as error:
            return None if opened else str(error)
    return None

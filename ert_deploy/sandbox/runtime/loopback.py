"""Loopback restriction: replaces remote hosts in environments and other text by loopback addresses.

Text is searched, not parsed: for the hosts of URLs, names after an @, and entries that are an address, or a host with a
port. A host that is missed here is blocked when a process connects to it; see `loopback_only/sitecustomize.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ert_deploy.sandbox.runtime.loopback_only.sitecustomize import (
    HERE,
    LOG,
    UNSPECIFIED,
    is_address,
    is_loopback,
)

REFUSED = "refused-connections.log"
# There is no server on the discard port: a rewritten URL fails at once instead of reaching some local service.
NOWHERE = "127.0.0.1:9"
_NAME = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://(?:[^\s/?#@'\"]*@)?)(\[[^\]\s]*\]|[^\s/:?#@'\"\\,;<>)\]}]+)(:\d+)?")
_AT = re.compile(rf"(?<=[\w.+-]@){_NAME}")
_ENTRY = re.compile(r"[^\s,;]+")
_HOST_PORT = re.compile(rf"({_NAME}|[0-9.]+|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?|([0-9A-Fa-f:.]+)")
_ABOUT_A_HOST = re.compile(
    r"(?:HOST|HOSTNAME|ADDR|ADDRESS|URL|URI|API|BASE|ENDPOINT|SERVER|DOMAIN|ORIGIN|IP|IPADDR|REGISTRY)S?$",
    re.IGNORECASE,
)
_PROXY = re.compile(r"_PROXY$", re.IGNORECASE)


def on_loopback(text: str, name: str = "") -> str:
    """Return the text with every remote host replaced by loopback; `name` is the variable or field with the text."""
    text = _URL.sub(lambda m: m[0] if is_loopback(m[2]) else f"{m[1]}{NOWHERE}", text)
    text = _AT.sub(lambda m: m[0] if is_loopback(m[0]) else "localhost", text)
    return _ENTRY.sub(lambda m: _entry(m[0], about_a_host=bool(_ABOUT_A_HOST.search(name))), text)


def _entry(entry: str, *, about_a_host: bool) -> str:
    """Replace one entry of a list. A bare name may be a file name, so it is only replaced where hosts are expected."""
    found = _HOST_PORT.fullmatch(entry)
    host, port = (found[1] or found[3], found[2] or "") if found else ("", "")
    if is_address(host):
        wanted = not is_loopback(host)
    else:
        wanted = re.fullmatch(_NAME, host) is not None and bool(port or about_a_host)
    if not wanted:
        return entry
    if host in UNSPECIFIED:  # a bind address, which would be open to the network
        return f"127.0.0.1{port}"
    return NOWHERE if port else "127.0.0.1"


def off_loopback(values: Mapping[str, object]) -> list[str]:
    """Return the names of the values that refer to remote hosts, or may do so: a proxy can reach any host."""
    return [
        name for name, value in values.items() if _PROXY.search(name) or on_loopback(str(value), name) != str(value)
    ]


def confined(env: Mapping[str, str], directory: Path, written: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment for a process that reaches loopback only; blocked connections are logged in `directory`.

    `written` are variables set by the owner of an app. The app must see them unchanged, so only proxies are removed,
    because any host could be reached through one; other remote hosts are blocked when the app connects.
    """
    kept = {name: on_loopback(value, name) for name, value in env.items() if not _PROXY.search(name)}
    kept |= {name: value for name, value in (written or {}).items() if not _PROXY.search(name)}
    path = os.pathsep.join(filter(None, (HERE, kept.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONPATH": path, LOG: str(directory / REFUSED)}

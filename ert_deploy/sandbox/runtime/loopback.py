"""Keeps what the sandbox hands out on loopback: environments of processes, and addresses in texts.

A text is read, not parsed: the hosts of URLs, what follows an @, and entries that are a host and port or an address.
What a text hides from this is refused when a process uses it; see `loopback_only/sitecustomize.py`.
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
# Nobody listens on the discard port: a rewritten URL fails at once instead of meeting a stranger on this machine.
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
    """The text with every host it leads to replaced by loopback; `name` is the variable or field that holds it."""
    text = _URL.sub(lambda m: m[0] if is_loopback(m[2]) else f"{m[1]}{NOWHERE}", text)
    text = _AT.sub(lambda m: m[0] if is_loopback(m[0]) else "localhost", text)
    return _ENTRY.sub(lambda m: _entry(m[0], about_a_host=bool(_ABOUT_A_HOST.search(name))), text)


def _entry(entry: str, *, about_a_host: bool) -> str:
    """One entry of a list: a name alone may be a file's, so it counts only with a port or where hosts are expected."""
    found = _HOST_PORT.fullmatch(entry)
    host, port = (found[1] or found[3], found[2] or "") if found else ("", "")
    if is_address(host):
        wanted = not is_loopback(host)
    else:
        wanted = re.fullmatch(_NAME, host) is not None and bool(port or about_a_host)
    if not wanted:
        return entry
    if host in UNSPECIFIED:  # a place to listen at, which would be open to the network
        return f"127.0.0.1{port}"
    return NOWHERE if port else "127.0.0.1"


def off_loopback(values: Mapping[str, object]) -> list[str]:
    """The names of those values that lead off loopback, or may: a proxy leads wherever it likes."""
    return [
        name for name, value in values.items() if _PROXY.search(name) or on_loopback(str(value), name) != str(value)
    ]


def confined(env: Mapping[str, str], directory: Path, written: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that reaches loopback only and writes down in `directory` what it was refused.

    `written` are variables of an app's owner: it must find them as they were written, so only a proxy, which could lead
    anywhere by way of loopback, is left out; where else they lead is refused when the app goes there.
    """
    kept = {name: on_loopback(value, name) for name, value in env.items() if not _PROXY.search(name)}
    kept |= {name: value for name, value in (written or {}).items() if not _PROXY.search(name)}
    path = os.pathsep.join(filter(None, (HERE, kept.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONPATH": path, LOG: str(directory / REFUSED)}

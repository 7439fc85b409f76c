"""Finds hosts that are not loopback in text, JSON values and environments; shares no code with the sandbox."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOP = "com|net|org|io|ai|dev|app|cloud|co|us|example|test|invalid|internal|corp|lan"
NAME = re.compile(rf"[A-Za-z0-9.-]*[A-Za-z0-9]\.(?:{TOP})(?![\w-])", re.IGNORECASE)
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^\s/@\"']*@)?(\[[^\]]*\]|[^\s/:?#\"'\\,<>)]+)")
AT = re.compile(r"[\w.+-]+@([\w.-]+)")
IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
IPV6 = re.compile(r"(?<![\w:])[0-9a-f]{1,4}:[0-9a-f]{0,4}:[0-9a-f:]+(?![\w:])", re.IGNORECASE)
# 0.0.0.0 is the host side of a published port, as with Docker; it is not the address of any host.
HOME = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|0\.0\.0\.0", re.IGNORECASE)


def elsewhere(text: str) -> set[str]:
    """Return the hosts in a text that are not loopback."""
    found = {m[1] for pattern in (URL, AT) for m in pattern.finditer(text)}
    found |= {m[0] for pattern in (NAME, IPV4) for m in pattern.finditer(text)}
    found |= {m[0] for m in IPV6.finditer(text) if m[0].count(":") > 4 or "::" in m[0]}
    return {host for host in found if not HOME.fullmatch(host)}


def in_value(value: Any) -> set[str]:
    """Return the same for a JSON value, keys included."""
    return elsewhere(json.dumps(value, ensure_ascii=False))


def session(leader: int) -> Iterator[int]:
    """Return the processes of a session: a machine and all its descendants."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            yield int(entry.name)


def environ(pid: int) -> dict[str, str]:
    """Return the initial environment of a process; empty when it has just exited."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (os.fsdecode(one).partition("=") for one in raw.split(b"\0") if one)
    return {name: value for name, _, value in pairs}

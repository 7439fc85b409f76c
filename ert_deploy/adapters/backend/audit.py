"""Audit log of a backend: the newest lines from the response of its route. No I/O."""

from __future__ import annotations

from ert_deploy.adapters.bounded_http import json_of
from ert_deploy.core.model.errors import Rejected, Transient

PATH = "/admin/audit"


def newest(status: int, body: bytes) -> tuple[str, ...]:
    """Return the newest lines, oldest first. Raise `Transient`, or `Rejected` for an older image."""
    if status != 200:
        raise Transient(f"{PATH} answered {status}")
    try:
        shown = json_of(body)
    except ValueError:
        shown = None
    lines = shown.get("newest") if isinstance(shown, dict) else None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise Rejected("its image does not report its audit log")
    return tuple(lines)

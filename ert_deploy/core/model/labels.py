"""The two marks that say an instance is ours: the label and the environment.

Both are written by the same create call, so an instance has both or is not ours. Anything with one mark only (a label
typed by hand, a cloned template) is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

DEPLOYMENT = re.compile(r"[a-z][a-z0-9-]{0,31}")
TOKEN = re.compile(r"[0-9a-f]{32}")
_LABEL = re.compile(rf"ert1:({DEPLOYMENT.pattern}):({TOKEN.pattern})")


@dataclass(frozen=True, slots=True)
class Mark:
    """Which deployment an instance belongs to, and which create call made it."""

    deployment: str
    token: str


def label(mark: Mark) -> str:
    """`ert1:<deployment>:<token>`; at most 70 characters (Vast allows 256)."""
    return f"ert1:{mark.deployment}:{mark.token}"


def parse_label(text: str | None) -> Mark | None:
    """The mark in a label, or None when the label is not exactly one of ours."""
    found = _LABEL.fullmatch(text or "")
    return Mark(found[1], found[2]) if found else None


def read_mark(text: str | None, env: Mapping[str, str]) -> Mark | None:
    """The mark that label and environment agree on, else None."""
    mark = parse_label(text)
    if mark is None:
        return None
    return mark if env.get("ERT_DEPLOYMENT") == mark.deployment and env.get("ERT_TOKEN") == mark.token else None

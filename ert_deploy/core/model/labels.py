"""The two marks that say which deployment an instance belongs to: the label and the environment.

Both are written by the same create call. A label can be edited in the console and an environment can be missing from a
reply, so one mark alone still names an instance: `planning.ownership` says what may be done about it.
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


def read_birth(env: Mapping[str, str]) -> Mark | None:
    """The mark in the environment alone, None without any; a part that is missing or malformed is empty."""
    deployment, token = env.get("ERT_DEPLOYMENT", ""), env.get("ERT_TOKEN", "")
    mark = Mark(deployment if DEPLOYMENT.fullmatch(deployment) else "", token if TOKEN.fullmatch(token) else "")
    return mark if mark.deployment or mark.token else None

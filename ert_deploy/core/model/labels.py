"""Labels: the mark with the deployment of an instance, in its `label` and its environment.

The same create call sets both. A user can edit the `label` and the environment can be missing from a reply, so one of
them is enough to find an instance; `planning.ownership` defines the permitted actions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

DEPLOYMENT = re.compile(r"[a-z][a-z0-9-]{0,31}")
MOST_REPLICAS = 8
REPLICA = re.compile(rf"({DEPLOYMENT.pattern})(?:\.([2-{MOST_REPLICAS}]))?")  # the name of one: NAME, NAME.2, ...
TOKEN = re.compile(r"[0-9a-f]{32}")
_LABEL = re.compile(rf"ert1:({DEPLOYMENT.pattern}(?:\.[2-{MOST_REPLICAS}])?):({TOKEN.pattern})")


@dataclass(frozen=True, slots=True)
class Mark:
    """Name of the deployment, or of one of its replicas, and token of the create call that made it."""

    deployment: str
    token: str

    @property
    def family(self) -> str:
        """The deployment itself, also of a further replica."""
        return self.deployment.partition(".")[0]

    def env(self) -> dict[str, str]:
        """Return its part of the environment: an image knows its deployment, and need not know of replicas."""
        deployment, _, number = self.deployment.partition(".")
        more = {"ERT_REPLICA": number} if number else {}
        return {"ERT_DEPLOYMENT": deployment, "ERT_TOKEN": self.token, **more}


def label(mark: Mark) -> str:
    """Return `ert1:<deployment>:<token>`; at most 72 characters (Vast allows 256)."""
    return f"ert1:{mark.deployment}:{mark.token}"


def parse_label(text: str | None) -> Mark | None:
    """Return the mark in a `label`, or None if it does not have the exact format."""
    found = _LABEL.fullmatch(text or "")
    return Mark(found[1], found[2]) if found else None


def read_mark(text: str | None, env: Mapping[str, str]) -> Mark | None:
    """Return the mark if `label` and environment agree on it, else None."""
    mark = parse_label(text)
    if mark is None:
        return None
    return mark if _named(env) == mark.deployment and env.get("ERT_TOKEN") == mark.token else None


def read_birth(env: Mapping[str, str]) -> Mark | None:
    """Return the mark in the environment only, or None; a part that is missing or malformed is empty."""
    deployment, token = _named(env), env.get("ERT_TOKEN", "")
    mark = Mark(deployment if REPLICA.fullmatch(deployment) else "", token if TOKEN.fullmatch(token) else "")
    return mark if mark.deployment or mark.token else None


def _named(env: Mapping[str, str]) -> str:
    """Return the name of the deployment or of its replica in an environment; empty if it has none."""
    deployment, number = env.get("ERT_DEPLOYMENT", ""), env.get("ERT_REPLICA", "")
    return f"{deployment}.{number}" if number else deployment

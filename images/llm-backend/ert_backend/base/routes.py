"""Route allow-list: each path with its methods and the key it requires. No I/O; everything else is 404 or 405."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

JOB_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
MODEL_ID = r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}"
# Other endpoints of OpenAI's API that its clients call; the error states that only chat is supported.
NOT_SERVED = ("completions", "embeddings", "responses")


class Access(Enum):
    """The access rule for a method and a path."""

    OPEN = "open"
    KEYED = "keyed"
    ADMIN = "admin"
    WRONG_METHOD = "wrong method"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Route:
    """One path: `name` is its label in logs and metrics. With `waits` the response may take as long as a report."""

    name: str
    methods: tuple[str, ...]
    access: Access
    pattern: str
    waits: bool = False


def _plain(path: str, methods: tuple[str, ...], access: Access, waits: bool = False) -> Route:
    return Route(path, methods, access, re.escape(path), waits)


GET, POST = ("GET",), ("POST",)
NOWHERE = Route("unknown", (), Access.UNKNOWN, "")
ROUTES = (
    _plain("/", GET, Access.OPEN),
    _plain("/health", GET, Access.OPEN),
    _plain("/identity", GET, Access.OPEN),
    _plain("/status", GET, Access.KEYED),
    _plain("/metrics", GET, Access.KEYED),
    _plain("/generate_report", POST, Access.KEYED, waits=True),
    _plain("/reports", POST, Access.KEYED),
    Route("/reports/{id}", ("GET", "DELETE"), Access.KEYED, rf"/reports/{JOB_ID}"),
    Route("/reports/{id}/events", GET, Access.KEYED, rf"/reports/{JOB_ID}/events", waits=True),
    _plain("/v1/models", GET, Access.KEYED),
    Route("/v1/models/{model}", GET, Access.KEYED, rf"/v1/models/{MODEL_ID}"),
    _plain("/v1/chat/completions", POST, Access.KEYED, waits=True),
    *(_plain(f"/v1/{name}", POST, Access.KEYED) for name in NOT_SERVED),
    _plain("/admin/keys", ("GET", "PUT"), Access.ADMIN),
    _plain("/admin/limits", ("PUT",), Access.ADMIN),
    _plain("/admin/budget", ("PUT",), Access.ADMIN),
    _plain("/admin/audit", GET, Access.ADMIN),
)
_COMPILED = tuple((re.compile(route.pattern), route) for route in ROUTES)


def find(path: str) -> Route:
    """Return the route of a path; NOWHERE when there is none."""
    return next((route for pattern, route in _COMPILED if pattern.fullmatch(path)), NOWHERE)


def access(method: str, path: str) -> Access:
    """Return the access rule for a request."""
    route = find(path)
    return route.access if method in route.methods or route is NOWHERE else Access.WRONG_METHOD

"""Operations of the dashboard, from its route table."""

from __future__ import annotations

import re

from ci.openapi.document import Body, Operation, Parameter, Service
from ert_dashboard import __version__
from ert_dashboard.auth.middleware import COOKIE
from ert_dashboard.web.bodies import Empty, Problem
from ert_dashboard.web.report_body import OPEN
from ert_dashboard.web.routes import EVENTS, REDIRECT, ROUTES, Access, Route

_PARAMETER = re.compile(r"<(\w+)>")
ABOUT = (
    "Written by `make openapi` from the route table; not served. POSTs need `Content-Type: application/json` and, if "
    "the browser names an origin, this host. `x-live-events` has the bodies of the events over Socket.IO."
)


def service() -> Service:
    """Return the service with all operations."""
    return Service(
        title="ERT dashboard",
        version=__version__,
        about=ABOUT,
        operations=[operation(route) for route in ROUTES],
        schemes={
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": COOKIE,
                "description": "Where a password is set; `__Host-` stands before the name over HTTPS.",
            }
        },
        events=EVENTS,
        open_kinds=OPEN,
    )


def operation(route: Route) -> Operation:
    """Return the operation of a route."""
    path = [Parameter(name, "path", {"type": "string"}, required=True) for name in _PARAMETER.findall(route.path)]
    query = [Parameter(name, "query", {"type": "string"}, about) for name, about in route.query.items()]
    headers = [Parameter(name, "header", {"type": "string"}, about) for name, about in route.headers.items()]
    form = Body(media="application/x-www-form-urlencoded") if route.form else None
    answers = {str(status): _bodies(kind) for status, kind in route.answers.items()}
    return Operation(
        method=route.method,
        path=_PARAMETER.sub(r"{\1}", route.path),
        name=route.endpoint.replace(".", "_"),
        summary=route.summary,
        answers={**answers, "default": [Body(Problem)]},
        body=Body(route.body) if route.body is not None else form,
        body_required=route.body is not Empty,
        parameters=[*path, *query, *headers],
        security=["session"] if route.access is Access.LOGIN else [],
    )


def _bodies(kind: object) -> list[Body]:
    if kind == REDIRECT:
        return []
    return [Body(media=kind) if isinstance(kind, str) else Body(kind)]

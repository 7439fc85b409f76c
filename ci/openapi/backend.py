"""Operations of the GPU image's backend, from its route table and the bodies beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ci.openapi.document import Body, Operation, Parameter, Schema, Service
from ert_backend import VERSION
from ert_backend.api.bodies import Problem
from ert_backend.api.chat_body import ChatProblem
from ert_backend.api.operations import OPERATIONS, STREAMED
from ert_backend.base.http_error import OPENAI
from ert_backend.base.routes import JOB_ID, MODEL_ID, ROUTES, Access, Route

ABOUT = (
    "Written by `make openapi` from the route table; not served. The certificate is the machine's own (`/identity`). "
    "`x-live-events` has the data of the events of a report, and the chunk of a streamed chat."
)
_PATTERNS = {"id": rf"^{JOB_ID}$", "model": rf"^{MODEL_ID}$"}
_SECURITY = {Access.KEYED: ["key"], Access.ADMIN: ["admin"]}


def service() -> Service:
    """Return the service with all operations; raise `KeyError` for one without a body."""
    return Service(
        title="ERT LLM backend",
        version=VERSION,
        about=ABOUT,
        operations=[operation(route, method) for route in ROUTES for method in route.methods],
        schemes={"key": _bearer("A key of the deployment."), "admin": _bearer("The operator's token.")},
        events=STREAMED,
    )


def operation(route: Route, method: str) -> Operation:
    """Return the operation of one method of a route."""
    found = OPERATIONS[method, route.name]
    refusal = Body(ChatProblem if route.name.startswith(OPENAI) else Problem)
    return Operation(
        method=method,
        path=route.name,
        name="_".join([method.lower(), *re.findall(r"[a-z0-9]+", route.name)]),
        summary=found.summary,
        answers={**{str(status): _bodies(kinds) for status, kinds in found.answers.items()}, "default": [refusal]},
        body=Body(found.body) if found.body is not None else None,
        parameters=list(_parameters(route, method)),
        security=_SECURITY.get(route.access, []),
    )


def _parameters(route: Route, method: str) -> Iterator[Parameter]:
    found = OPERATIONS[method, route.name]
    for name in re.findall(r"{(\w+)}", route.name):
        yield Parameter(name, "path", {"type": "string", "pattern": _PATTERNS[name]}, required=True)
    for name, pattern in found.query.items():
        yield Parameter(name, "query", {"type": "string", "pattern": pattern}, required=True)
    for name, pattern in found.headers.items():
        yield Parameter(name, "header", {"type": "string", "pattern": pattern})


def _bodies(kinds: Sequence[object]) -> list[Body]:
    return [Body(media=kind) if isinstance(kind, str) else Body(kind) for kind in kinds]


def _bearer(about: str) -> Schema:
    return {"type": "http", "scheme": "bearer", "description": about}

"""Operations: the body, the responses and the parameters of each method in the route table, and their registration.

`base.routes` says which methods of which paths there are and which key they need; a test checks both against the app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import FastAPI

from ert_backend.api import bodies, chat_body
from ert_backend.api.admin_body import BudgetChange, KeyChange, LimitsChange
from ert_backend.api.chat_request import ChatRequest
from ert_backend.api.report_body import Report
from ert_backend.base.report_request import JobRequest, ReportRequest
from ert_backend.base.routes import NOT_SERVED, ROUTES

TEXT, EVENTS = "text/plain", "text/event-stream"
NONCE = r"^[0-9a-fA-F]{64}$"
Handler = TypeVar("Handler", bound=Callable[..., Any])
# How the framework spells the parameters of the table's paths.
_SPELLED = {"{id}": "{job_id}", "{model}": "{model:path}"}


@dataclass(frozen=True)
class Operation:
    """`answers`: status -> types of the JSON body or media types; every other response is a problem.

    `query` and `headers` map the name of a parameter to its pattern; those of the query are required.
    """

    summary: str
    answers: Mapping[int, tuple[Any, ...]]
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


_NO, _NO_CHAT = (bodies.Problem,), (chat_body.ChatProblem,)
_JOB = (bodies.ReportJob,)
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/"): Operation("What runs here", {200: (bodies.ServiceCard,)}),
    ("GET", "/health"): Operation("Whether the model answers", {200: (bodies.Health,), 503: (bodies.Health,)}),
    ("GET", "/identity"): Operation(
        "Prove whose certificate this is", {200: (bodies.Identity,), 422: _NO}, query={"nonce": NONCE}
    ),
    ("GET", "/status"): Operation("Queue, GPU, engine and terms", {200: (bodies.MachineStatus,)}),
    ("GET", "/metrics"): Operation("Metrics in Prometheus' format", {200: (TEXT,)}),
    ("POST", "/generate_report"): Operation(
        "Write a report and wait for it", {200: (Report,), 422: _NO, 429: _NO, 503: _NO}, ReportRequest
    ),
    ("POST", "/reports"): Operation("Queue a report", {202: _JOB, 409: _NO, 422: _NO, 429: _NO, 503: _NO}, JobRequest),
    ("GET", "/reports/{id}"): Operation("A report, and its result", {200: _JOB, 404: _NO}),
    ("DELETE", "/reports/{id}"): Operation("Cancel a report", {200: _JOB, 404: _NO}),
    ("GET", "/reports/{id}/events"): Operation(
        "Events of a report, from the one after `Last-Event-ID`",
        {200: (EVENTS,), 404: _NO},
        headers={"Last-Event-ID": r"^[0-9]{1,9}$"},
    ),
    ("GET", "/v1/models"): Operation("The model, as a list", {200: (chat_body.Models,)}),
    ("GET", "/v1/models/{model}"): Operation("The model", {200: (chat_body.Model,), 404: _NO_CHAT}),
    ("POST", "/v1/chat/completions"): Operation(
        "Chat with the model; a stream of chunks with `stream`",
        {200: (chat_body.Completion, EVENTS), 400: _NO_CHAT, 404: _NO_CHAT, 429: _NO_CHAT, 503: _NO_CHAT},
        ChatRequest,
    ),
    **{("POST", f"/v1/{name}"): Operation("Not served: only chat is", {404: _NO_CHAT}) for name in NOT_SERVED},
    ("GET", "/admin/keys"): Operation("The accepted keys, as hashes", {200: (bodies.Keys,)}),
    ("PUT", "/admin/keys"): Operation(
        "Replace the accepted keys", {200: (bodies.Keys,), 409: _NO, 422: _NO}, KeyChange
    ),
    ("PUT", "/admin/limits"): Operation(
        "Set the limits of the off-switch", {200: (bodies.GuardLimits,), 422: _NO}, LimitsChange
    ),
    ("PUT", "/admin/budget"): Operation(
        "Set for how long the machine may run", {200: (bodies.GuardBudget,), 422: _NO}, BudgetChange
    ),
    ("GET", "/admin/audit"): Operation("Head and newest lines of the audit log", {200: (bodies.AuditHead,)}),
}
# The events of `/reports/{id}/events`, and the chunk of a streamed chat.
STREAMED: Mapping[str, Any] = {
    "queued": bodies.Queued,
    "started": bodies.Started,
    "section_started": bodies.SectionStarted,
    "section": bodies.SectionDone,
    "progress": bodies.Tokens,
    "done": bodies.ReportDone,
    "failed": bodies.Failed,
    "draining": bodies.Failed,
    "cancelled": bodies.Started,
    "chat.completion.chunk": chat_body.CompletionChunk,
}


def path_of(method: str, name: str) -> str:
    """Return the framework's path of an operation; raise `KeyError` for one that the route table does not have."""
    if not any(route.name == name and method in route.methods for route in ROUTES):
        raise KeyError(f"{method} {name}")
    for ours, theirs in _SPELLED.items():
        name = name.replace(ours, theirs)
    return name


def serves(app: FastAPI, method: str, name: str, status: int = 200) -> Callable[[Handler], Handler]:
    """Return the decorator that registers the handler of an operation; `status` is that of success."""
    return app.api_route(path_of(method, name), methods=[method], status_code=status)

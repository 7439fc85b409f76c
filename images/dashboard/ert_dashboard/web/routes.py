"""Route table of the dashboard: each operation with its access, its bodies and its view. No I/O.

It is the only list: blueprints are made from it, `AccessMiddleware` and the request checks read it, and `make openapi`
writes the OpenAPI document from it. Flask adds HEAD and OPTIONS; static files and Socket.IO are not operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flask import Blueprint

from ert_dashboard.backend import guard_word
from ert_dashboard.web import bodies, machine_body


class Access(Enum):
    """Who may use an operation. The login is the one that is configured: a password, a proxy, or none."""

    PUBLIC = "public"  # no login and no common rate limit: for the web host's health check, and with a key of its own
    OPEN = "open"  # no login with a password; a proxy is required all the same
    LOGIN = "login"


HTML, MARKDOWN, LINES, PLAIN = "text/html", "text/markdown", "application/x-ndjson", "text/plain"
REDIRECT = ""  # a response without a body that is worth describing
OPEN_FILES = frozenset({"/static/login.css", "/static/icon.svg"})


@dataclass(frozen=True)
class Route:
    """One operation. `answers`: status -> type of the JSON body, or a media type; every other response is a `Problem`.

    `endpoint` is Flask's `blueprint.view`; `form` is a POST of an HTML form, which is checked differently. `query` and
    `headers` have those that may be given, with what they mean. `largest` is the limit of the body in bytes, where it
    is not the common one.
    """

    method: str
    path: str
    endpoint: str
    summary: str
    answers: Mapping[int, Any]
    body: Any = None
    access: Access = Access.LOGIN
    form: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    largest: int | None = None


_GENERATE = {
    200: bodies.Generated,
    400: bodies.Problem,
    404: bodies.Problem,
    409: bodies.Problem,
    429: bodies.Problem,
    503: bodies.Problem,
}
_ABORTED = {200: bodies.Aborted, 404: bodies.Problem, 409: bodies.Problem}
_RESUMED = {200: bodies.Generated, 404: bodies.Problem, 409: bodies.Problem, 429: bodies.Problem}
_NEXT = {"next": "The path of this dashboard that the login leads to; default `/`"}
_ONE = "/api/reports/<report_id>"
ROUTES = (
    Route("GET", "/", "api.page", "The page", {200: HTML}),
    Route(
        "GET",
        "/health",
        "api.health",
        "Liveness and configuration of this process",
        {200: machine_body.Health},
        access=Access.PUBLIC,
    ),
    Route(
        "GET",
        "/metrics",
        "metrics.metrics",
        "Metrics for Prometheus, with `Authorization: Bearer` and the token of ERT_METRICS_TOKEN; 404 without one",
        {200: PLAIN, 401: PLAIN, 404: bodies.Problem},
        access=Access.PUBLIC,
    ),
    Route(
        "GET",
        "/health/worker",
        "workers.health",
        "The configuration that the workers say they run with",
        {200: machine_body.WorkersHealth},
        access=Access.PUBLIC,
    ),
    Route("GET", "/ready", "api.ready", "Whether the backend takes a report", {200: bodies.Ready, 503: bodies.Ready}),
    Route("GET", "/api/status", "api.status", "State and latest reports", {200: bodies.Summary}),
    Route(
        "POST",
        "/api/generate",
        "api.generate",
        "Queue a report",
        _GENERATE,
        body=bodies.GenerateRequest,
        headers={"Idempotency-Key": "8 to 64 of A-Z, a-z, 0-9, `-`, `_`; a repeat with it is the same report"},
    ),
    Route("POST", "/api/abort", "api.abort", "Abort one report, or all", _ABORTED, body=bodies.AbortRequest),
    Route("POST", "/api/reset_abort", "api.reset_abort", "Nothing; for old clients", {200: bodies.Done}, bodies.Empty),
    Route(
        "GET",
        "/api/reports",
        "records.reports",
        "The latest reports",
        {200: bodies.Reports, 400: bodies.Problem},
        query={"limit": "How many, 0 to 999; default 50"},
    ),
    Route("GET", _ONE, "records.report", "One report", {200: bodies.FullReport, 404: bodies.Problem}),
    Route("POST", f"{_ONE}/abort", "api.abort_one", "Abort one report", _ABORTED, body=bodies.Empty),
    Route(
        "POST", f"{_ONE}/resume", "api.resume", "Queue the rest of a failed or aborted report", _RESUMED, bodies.Empty
    ),
    Route(
        "POST",
        f"{_ONE}/delete",
        "records.delete",
        "Delete a finished report",
        {200: bodies.Done, 404: bodies.Problem, 409: bodies.Problem},
        body=bodies.Empty,
    ),
    Route("GET", "/api/audit", "records.audit", "The last 100 logins, deletions and wakes", {200: bodies.Audit}),
    Route(
        "GET",
        "/reports/<filename>",
        "records.download",
        "A finished report, `<report_id>.md`",
        {200: MARKDOWN, 404: bodies.Problem},
    ),
    Route("GET", "/api/export", "records.export", "All finished reports, one `FullReport` a line", {200: LINES}),
    Route(
        "GET",
        "/api/search_tickers",
        "companies.search_tickers",
        "Search for a company",
        {200: bodies.Companies},
        query={"q": "Part of a ticker or a name; suggestions without it"},
    ),
    Route(
        "POST",
        "/api/watchlist_prices",
        "companies.watchlist_prices",
        "Known prices",
        {200: bodies.Prices, 400: bodies.Problem},
        body=bodies.WatchlistRequest,
    ),
    Route(
        "GET", "/api/deployment", "deployment.deployment", "The machine and its cost", {200: machine_body.Deployment}
    ),
    Route(
        "POST",
        "/api/machine/last-message",
        "deployment.last_word",
        "The last message of a machine's guard, as it stops or destroys the machine",
        {200: bodies.Done, 400: bodies.Problem, 401: bodies.Problem, 409: bodies.Problem, 429: bodies.Problem},
        body=bodies.LastWordMessage,
        access=Access.PUBLIC,
        headers={
            "X-Ert-Signature": "`v1=` and an HMAC of the body, by a key derived from the API key; up to 8, with commas"
        },
        largest=guard_word.LARGEST,
    ),
    Route(
        "POST",
        "/api/wake",
        "wake.wake",
        "Have the agent wake the GPU",
        {200: bodies.Done, 409: bodies.Problem, 429: bodies.Problem},
        body=bodies.Empty,
    ),
    Route("GET", "/login", "login.page", "The login form", {200: HTML}, access=Access.OPEN, query=_NEXT),
    Route(
        "POST",
        "/login",
        "login.enter",
        "Log in with the form's `password`",
        {303: REDIRECT, 401: HTML, 429: HTML},
        access=Access.OPEN,
        form=True,
        query=_NEXT,
    ),
    Route("POST", "/logout", "login.leave", "Log out", {303: REDIRECT}, form=True),
)
# The live events that the server sends over Socket.IO.
EVENTS: Mapping[str, Any] = {
    "status_update": bodies.StatusUpdate,
    "report_update": bodies.ReportUpdate,
    "report_completed": bodies.ReportCompleted,
}
PUBLIC_PATHS = frozenset(route.path for route in ROUTES if route.access is Access.PUBLIC)
OPEN_PATHS = OPEN_FILES | {route.path for route in ROUTES if route.access is Access.OPEN}
SMALLER = {route.path: route.largest for route in ROUTES if route.largest is not None}
FORMS = frozenset(route.endpoint for route in ROUTES if route.form)


def blueprint(name: str, **views: Callable[..., Any]) -> Blueprint:
    """Return the blueprint of a name with its routes; raise `ValueError` unless the views are those of the table."""
    mine = {route.endpoint.removeprefix(f"{name}."): route for route in ROUTES if route.endpoint.startswith(f"{name}.")}
    if mine.keys() != views.keys():
        raise ValueError(f"{name}: the table has {sorted(mine)}, the views are {sorted(views)}")
    found = Blueprint(name, __name__)
    for view, route in mine.items():
        found.add_url_rule(route.path, view, views[view], methods=[route.method])
    return found

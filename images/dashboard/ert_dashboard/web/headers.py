"""Request checks and response headers: accepts only same-origin POSTs of small JSON, and sets security headers.

Errors are returned as JSON with a short message; browsers get a page for a path that does not exist. Request
data is never echoed, and no input causes a 5xx.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, UnsupportedMediaType
from werkzeug.wrappers import Request as WsgiRequest

from ert_dashboard.auth.middleware import STORE_TROUBLE, Wsgi, behind_https
from ert_dashboard.auth.origin import FOREIGN
from ert_dashboard.base.strict_json import load_strictly
from ert_dashboard.storage.interface import StoreTrouble
from ert_dashboard.web.bodies import Problem
from ert_dashboard.web.routes import FORMS, SMALLER

_LOG = logging.getLogger(__name__)
LARGEST_BODY = 64 * 1024
_NO_PAGES = ("/api/", "/socket.io", "/static/")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def install(app: Flask, foreign: Callable[[WsgiRequest], bool]) -> None:
    """Register the request checks, headers and error handlers on `app`; `foreign` knows requests of other sites."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.before_request(lambda: _check_post(foreign))
    app.after_request(_dress)
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(StoreTrouble, _store_trouble)
    app.register_error_handler(Exception, _surprise)


def problem(status: int, message: str, headers: dict[str, str] | None = None, **fields: Any) -> Response:
    """Return an error as JSON: `{"success": false, "error": message, ...}`."""
    body: Problem = {"success": False, "error": message, **fields}  # type: ignore[typeddict-item]
    response = jsonify(body)
    response.status_code = status
    response.headers.extend(headers or {})
    return response


def _missing_page() -> Response:
    """Return the 404 page, which leads back to the reports."""
    return make_response(render_template("missing.html"), 404)


def _is_page() -> bool:
    """Whether a browser requests a page, and not a path of the API or a file."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith(_NO_PAGES)


def json_object() -> dict[str, Any]:
    """Return the JSON object of the request, `{}` for an empty body; raise 400 for invalid JSON, 413 if too large."""
    return read_object(request.get_data(cache=False))


def read_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object with `load_strictly`, `{}` for an empty body; raise `BadRequest`."""
    if not body.strip():
        return {}
    try:
        value = load_strictly(body)
    except ValueError:
        raise BadRequest("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object")
    return value


def _check_post(foreign: Callable[[WsgiRequest], bool]) -> None:
    """Reject cross-site requests: a form on another site can send neither this content type nor this origin.

    Of a body, the view reads at most what its path takes.
    """
    if request.path in SMALLER:
        request.max_content_length = SMALLER[request.path]
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    if foreign(request):
        raise Forbidden(FOREIGN)
    if request.endpoint in FORMS:
        # Any site can submit a form: the browser has to confirm that it is same-origin.
        if request.headers.get("Origin") is None and request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise Forbidden("the browser does not send the origin of this form")
        return
    if request.method == "POST" and request.mimetype != "application/json":
        raise UnsupportedMediaType("send JSON (Content-Type: application/json)")


class Dressed:
    """WSGI middleware: adds the security headers to every response, also to those from outside Flask."""

    def __init__(self, inner: Wsgi) -> None:
        self._inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        secure = {"Strict-Transport-Security": "max-age=31536000"} if behind_https(WsgiRequest(environ)) else {}

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            given = {name.lower() for name, _ in headers}
            added = [item for item in {**_HEADERS, **secure}.items() if item[0].lower() not in given]
            if not given & {"cache-control"}:
                added.append(("Cache-Control", "no-store"))
            return start_response(status, [*headers, *added], *more)

        return self._inner(environ, start)


def _dress(response: Response) -> Response:
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    else:
        response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _refuse(error: HTTPException) -> Response:
    if error.code == 404 and _is_page():
        return _missing_page()
    own_words = type(error).description != error.description
    message = error.description if own_words and error.description else (error.name or "error")
    response = problem(error.code or 400, message)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def _store_trouble(error: StoreTrouble) -> Response:
    _LOG.error("%s %s failed: %s", request.method, request.url_rule, error)
    return problem(503, STORE_TROUBLE, {"Retry-After": "5"})


def _surprise(error: Exception) -> Response:
    _LOG.error("%s %s failed with an unexpected error", request.method, request.url_rule, exc_info=error)
    return problem(500, "an unexpected error in the dashboard")

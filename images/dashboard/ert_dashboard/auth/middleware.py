"""WSGI gate: the names of this dashboard, rate limits per client, and login for every path but those exempt.

It wraps the application outside Flask because Socket.IO handles its own requests before they reach Flask.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from ert_dashboard.auth.access import Access
from ert_dashboard.auth.origin import FOREIGN, HOSTS, needs_trust, same_origin
from ert_dashboard.auth.sessions import Sessions, key_of
from ert_dashboard.base.rate_limit import MakeLimiter
from ert_dashboard.storage.interface import StoreTrouble

_LOG = logging.getLogger(__name__)
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
COOKIE, SECURE_COOKIE = "ert_session", "__Host-ert_session"
CLIENT, SESSION = "ert_dashboard.client", "ert_dashboard.session"
STORE_TROUBLE = "the dashboard cannot reach its database at the moment, try again later"
_OTHER_NAME = f"this dashboard is not served under that name: add the name to {HOSTS}"
_LONGEST_USER = 256
_LONGEST_NEXT = 500
_BURST_REPORTS = 20
_BURST_S = 4


@dataclass(frozen=True)
class Exempt:
    """Paths that need less than the others: `public` no login and no rate limit, `open` no login by password."""

    public: frozenset[str]
    open: frozenset[str]


class AccessMiddleware:
    """WSGI middleware around the whole application. `sessions` is set if and only if a password is configured."""

    def __init__(
        self, inner: Wsgi, access: Access, sessions: Sessions | None, limits: MakeLimiter, exempt: Exempt
    ) -> None:
        self._inner = inner
        self._access = access
        self._sessions = sessions
        self._exempt = exempt
        self._hinted: set[str] = set()
        self._all = limits("requests", access.requests_per_s, max(1, _BURST_S * access.requests_per_s))
        self._reports = limits("reports", access.reports_per_hour / 3600, _BURST_REPORTS)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return (self.refusal(environ) or self._inner)(environ, start_response)

    def refusal(self, environ: dict[str, Any]) -> Response | None:
        """Return the response to a request that may not go on; None if it may, with client and session in `environ`."""
        asked = Request(environ)
        if asked.path in self._exempt.public:
            return None
        environ[CLIENT] = self._access.proxies.client(environ)
        return self._too_often(asked) or self._misnamed(asked) or self._foreign_socket(asked) or self._unknown(asked)

    def foreign(self, asked: Request) -> bool:
        """Whether another site sent the request, by the one rule for requests and live connections."""
        if same_origin(asked, self._access.proxies):
            return False
        if needs_trust(asked, self._access.proxies):
            self._hint("requests through a proxy that is not in ERT_DASHBOARD_TRUSTED_PROXIES count as another site's")
        return True

    def _hint(self, text: str) -> None:
        """Log it once: anybody can send such requests."""
        if text not in self._hinted:
            self._hinted.add(text)
            _LOG.warning("%s", text)

    def _too_often(self, asked: Request) -> Response | None:
        client = asked.environ[CLIENT]
        wait = self._all.take(client)
        if not wait and asked.method == "POST" and (asked.path == "/api/generate" or asked.path.endswith("/resume")):
            wait = self._reports.take(client)
        if not wait:
            return None
        answer = _problem(429, "too many requests from your address, try again later")
        answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer

    def _misnamed(self, asked: Request) -> Response | None:
        """Reject a request for a name that is not this dashboard's, to which a stranger's page may have been led."""
        if self._access.hosts.accept(asked.headers.get("Host", "")):
            return None
        self._hint(f"requests for a name that is neither Render's nor in {HOSTS} are rejected")
        return _problem(400, _OTHER_NAME)

    def _foreign_socket(self, asked: Request) -> Response | None:
        """Reject live connections of other sites; the Socket.IO library, which has a rule of its own, accepts all."""
        foreign = asked.path.startswith("/socket.io") and self.foreign(asked)
        return _problem(403, FOREIGN) if foreign else None

    def _unknown(self, asked: Request) -> Response | None:
        try:
            return self._stranger(asked)
        except StoreTrouble as error:
            _LOG.error("the login of a request could not be checked: %s", error)
            answer = _problem(503, STORE_TROUBLE)
            answer.headers["Retry-After"] = "5"
            return answer

    def _stranger(self, asked: Request) -> Response | None:
        if self._access.header is not None:
            return None if self._vouched(asked) else _problem(403, "use the login of this dashboard")
        if self._sessions is None or asked.path in self._exempt.open:
            return None
        key = key_of(asked.cookies.get(SECURE_COOKIE) or asked.cookies.get(COOKIE))
        if self._sessions.holds(key):
            asked.environ[SESSION] = key
            return None
        if asked.method in ("GET", "HEAD") and "text/html" in asked.headers.get("Accept", ""):
            return Response(status=303, headers={"Location": f"/login{_then(asked)}"})
        return _problem(401, "log in first, at /login", login="/login")

    def _vouched(self, asked: Request) -> bool:
        """Whether a trusted proxy names the user. The TCP peer must be that proxy: a forwarding chain can be forged."""
        user = asked.headers.get(self._access.header or "", "").strip()
        return 0 < len(user) <= _LONGEST_USER and self._access.proxies.trusts(asked.remote_addr or "")


def _then(asked: Request) -> str:
    """Return the query that has the login lead on to what was asked for; the fragment is kept by the browser."""
    query = asked.query_string.decode("latin-1")
    wanted = quote(quote(asked.path) + (f"?{query}" if query else ""))
    return f"?next={wanted}" if 1 < len(wanted) <= _LONGEST_NEXT else ""


def behind_https(asked: Request) -> bool:
    """Whether the browser uses HTTPS. A client that forges the header affects only its own cookie."""
    return asked.scheme == "https" or asked.headers.get("X-Forwarded-Proto", "").split(",")[0].strip() == "https"


def _problem(status: int, message: str, **fields: str) -> Response:
    body = json.dumps({"success": False, "error": message, **fields})
    return Response(body, status=status, content_type="application/json")

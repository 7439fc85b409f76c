"""Login and logout views: one shared password, limited attempts, a new session for every login.

The form is plain HTML without scripts. The routes (`web.routes`) exist only when a password is set; `AccessMiddleware`
checks the session.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable

from flask import Response, make_response, redirect, render_template, request

from ert_dashboard.auth.middleware import CLIENT, COOKIE, SECURE_COOKIE, behind_https
from ert_dashboard.auth.password import PasswordHash
from ert_dashboard.auth.sessions import Sessions, key_of
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.rate_limit import MakeLimiter
from ert_dashboard.storage.interface import AuditRows, Event

_LOG = logging.getLogger(__name__)
# Per address: a burst of 5, then one attempt per 20 s. The limit over all addresses bounds the CPU time for hashing.
_TRIES, _TRY_EVERY_S = 5, 20.0
_ALL_TRIES, _ALL_TRY_EVERY_S = 30, 2.0
_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")
# Not `no-referrer` as elsewhere: it makes browsers send `Origin: null` with forms, even to the same origin.
_POLICY = {"Referrer-Policy": "same-origin"}


class Login:
    """Login views. `ended(key)` is called for each session that is logged out, to close its live connections."""

    def __init__(
        self,
        password: PasswordHash,
        sessions: Sessions,
        clock: Clock,
        *,
        lifetime_s: float,
        ended: Callable[[str], None],
        audit: AuditRows,
        limits: MakeLimiter,
    ) -> None:
        self._password = password
        self._sessions = sessions
        self._lifetime_s = lifetime_s
        self._ended = ended
        self._clock = clock
        self._audit = audit
        self._tries = limits("logins", 1 / _TRY_EVERY_S, _TRIES)
        self._all_tries = limits("all-logins", 1 / _ALL_TRY_EVERY_S, _ALL_TRIES)

    def page(self) -> Response:
        """Return the login form, or the logout form when already logged in."""
        return _page(200, inside=self._sessions.holds(_key()))

    def enter(self) -> Response:
        """Log in and redirect (303) to what was asked for; 401 for an invalid password, 429 after too many attempts."""
        client = request.environ[CLIENT]
        wait = self._tries.take(client) or self._all_tries.take()
        if wait:
            _LOG.warning("too many tries to log in from %s", client)
            answer = _page(429, problem=f"Too many tries. Wait {math.ceil(wait)} s, then try again.")
            answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        if not self._password.matches(request.form.get("password", "")):
            _LOG.warning("a wrong password from %s", client)
            self._record("login refused")
            return _page(401, problem="That is not the password.")
        self._forget()
        self._record("login")
        secure = behind_https(request)
        answer = make_response(redirect(own_path(request.args.get("next", "/")), 303))
        answer.set_cookie(
            SECURE_COOKIE if secure else COOKIE,
            self._sessions.begin(),
            max_age=int(self._lifetime_s),
            secure=secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return answer

    def leave(self) -> Response:
        """Delete the session on the server and redirect (303) to the login page."""
        self._forget()
        answer = make_response(redirect("/login", 303))
        for name, secure in ((COOKIE, False), (SECURE_COOKIE, True)):
            answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
        return answer

    def _forget(self) -> None:
        key = _key()
        if key is not None:
            if self._sessions.holds(key):
                self._record("logout")
            self._sessions.end(key)
            self._ended(key)

    def _record(self, what: str) -> None:
        self._audit.add(Event(self._clock.wall(), what, request.environ[CLIENT]))


def own_path(wanted: str) -> str:
    """Return a path of this dashboard, `/` for anything else: browsers read `//host` and `/\\host` as other sites."""
    return wanted if _OWN_PATH.fullmatch(wanted) else "/"


def _key() -> str | None:
    return key_of(request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE))


def _page(status: int, *, problem: str = "", inside: bool = False) -> Response:
    answer = make_response(render_template("login.html", problem=problem, inside=inside), status)
    answer.headers.extend(_POLICY)
    return answer

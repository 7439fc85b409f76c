"""The login page and the way out: one shared password, few tries, a new session for every login.

A plain form without script. Only there when a password is set; the `Gate` asks for the session.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from flask import Blueprint, Response, make_response, redirect, render_template, request

from ert_dashboard.auth.middleware import CLIENT, COOKIE, SECURE_COOKIE, behind_https
from ert_dashboard.auth.password import PasswordHash
from ert_dashboard.auth.sessions import Sessions, key_of
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.rate_limit import Rates

_LOG = logging.getLogger(__name__)
FORMS = frozenset({"login.enter", "login.leave"})
# Five at once and one in 20 s from one address; from all together, what one core can hash without being busy with it.
_TRIES, _TRY_EVERY_S = 5, 20.0
_ALL_TRIES, _ALL_TRY_EVERY_S = 30, 2.0
# Not `no-referrer` as elsewhere: with it a browser sends `Origin: null` with a form, even to its own site.
_POLICY = {"Referrer-Policy": "same-origin"}


class Login:
    """The routes. `ended(key)` is told of every login that was given up, to end its live connections."""

    def __init__(
        self, password: PasswordHash, sessions: Sessions, clock: Clock, lifetime_s: float, ended: Callable[[str], None]
    ) -> None:
        self._password = password
        self._sessions = sessions
        self._lifetime_s = lifetime_s
        self._ended = ended
        self._tries = Rates(1 / _TRY_EVERY_S, _TRIES, clock)
        self._all_tries = Rates(1 / _ALL_TRY_EVERY_S, _ALL_TRIES, clock)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("login", __name__)
        routes.add_url_rule("/login", "page", self.page, methods=["GET"])
        routes.add_url_rule("/login", "enter", self.enter, methods=["POST"])
        routes.add_url_rule("/logout", "leave", self.leave, methods=["POST"])
        return routes

    def page(self) -> Response:
        """The form, or the way out for those who are in."""
        return _page(200, inside=self._sessions.holds(_key()))

    def enter(self) -> Response:
        """303 to the dashboard with a new session; 401 for a wrong password; 429 after too many."""
        client = request.environ[CLIENT]
        wait = self._tries.take(client) or self._all_tries.take()
        if wait:
            _LOG.warning("too many tries to log in from %s", client)
            answer = _page(429, problem=f"Too many tries. Wait {math.ceil(wait)} seconds, then try again.")
            answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        if not self._password.matches(request.form.get("password", "")):
            _LOG.warning("a wrong password from %s", client)
            return _page(401, problem="That is not the password.")
        self._forget()
        secure = behind_https(request)
        answer = make_response(redirect("/", 303))
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
        """303 to the login page; the session is over on the server too."""
        self._forget()
        answer = make_response(redirect("/login", 303))
        for name, secure in ((COOKIE, False), (SECURE_COOKIE, True)):
            answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
        return answer

    def _forget(self) -> None:
        key = _key()
        if key is not None:
            self._sessions.end(key)
            self._ended(key)


def _key() -> str | None:
    return key_of(request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE))


def _page(status: int, *, problem: str = "", inside: bool = False) -> Response:
    answer = make_response(render_template("login.html", problem=problem, inside=inside), status)
    answer.headers.extend(_POLICY)
    return answer

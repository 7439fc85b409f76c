"""The composition root: settings in, a Flask app with its live updates out."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

from flask import Flask
from flask_socketio import SocketIO

from ert_dashboard.auth.login import Login
from ert_dashboard.auth.middleware import Gate
from ert_dashboard.base import redaction
from ert_dashboard.base.clock import Clock
from ert_dashboard.market.model import MarketData
from ert_dashboard.settings import Settings
from ert_dashboard.web import bundle, headers
from ert_dashboard.web.api import Api
from ert_dashboard.web.deployment import Deployment
from ert_dashboard.web.live import SocketLimit, attach
from ert_dashboard.web.market_api import MarketApi
from ert_dashboard.web.service import Service, start_service


@dataclass(frozen=True)
class Dashboard:
    """One running dashboard. Call `close()` when done with it."""

    app: Flask
    socketio: SocketIO
    service: Service

    def leave(self) -> None:
        """Say goodbye: stop working on reports and end all live connections, so that the server can stop at once."""
        self.service.desk.close()
        server = self.socketio.server.eio
        for page in list(server.sockets.values()):
            # Without waiting: a page that is just leaving would never take its goodbye, and all others wait behind it.
            page.close(wait=False, reason=server.reason.SERVER_DISCONNECT)

    def close(self) -> None:
        self.service.close()


def create_dashboard(settings: Settings, *, market: MarketData | None = None, clock: Clock | None = None) -> Dashboard:
    """Build everything and start the threads. Raises `BadSetting` for a store that cannot be used."""
    service = start_service(settings, market=market, clock=clock)
    app = Flask("ert_dashboard")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.secret_key is not None:
        app.secret_key = settings.secret_key.reveal()
    headers.install(app)
    bundle.keep_assets(app)
    app.register_blueprint(Api(service).blueprint())
    app.register_blueprint(MarketApi(service.market, service.clock).blueprint())
    app.register_blueprint(Deployment(service).blueprint())
    socketio, hang_up = attach(app, service)
    access, sessions = settings.access, service.sessions
    if access.password is not None and sessions is not None:
        login = Login(access.password, sessions, service.clock, access.session_s, hang_up)
        app.register_blueprint(login.blueprint())
    limited = SocketLimit(app.wsgi_app, settings.max_sockets)
    app.wsgi_app = headers.Dressed(Gate(limited, access, sessions, service.clock))  # type: ignore[method-assign]
    service.desk.start()
    return Dashboard(app, socketio, service)


class CleanLines(logging.Formatter):
    """Log records without any secret that the process holds, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines."""
        return redaction.clean(super().format(record))


def log_to_stderr(level: str) -> None:
    """One line a record on stderr. The HTTP libraries stay quiet: at DEBUG they would show what they send."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for noisy in ("httpx", "httpcore", "engineio", "socketio", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

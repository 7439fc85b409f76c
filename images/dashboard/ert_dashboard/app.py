"""The composition root: settings in, a Flask app with its live updates out."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

from flask import Flask
from flask_socketio import SocketIO

from ert_dashboard import bundle, guards
from ert_dashboard.api import Api
from ert_dashboard.clock import Clock
from ert_dashboard.deployment import Deployment
from ert_dashboard.live import SocketLimit, attach
from ert_dashboard.market import MarketData
from ert_dashboard.service import Service, start_service
from ert_dashboard.settings import Settings


@dataclass(frozen=True)
class Dashboard:
    """One running dashboard. Call `close()` when done with it."""

    app: Flask
    socketio: SocketIO
    service: Service

    def leave(self) -> None:
        """Say goodbye: stop working on reports and end all live connections, so that the server can stop at once."""
        self.service.desk.close()
        self.socketio.server.eio.disconnect()

    def close(self) -> None:
        self.service.close()


def create_dashboard(settings: Settings, *, market: MarketData | None = None, clock: Clock | None = None) -> Dashboard:
    """Build everything and start the threads. Raises `BadSetting` for a store that cannot be used."""
    service = start_service(settings, market=market, clock=clock)
    app = Flask(__package__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.secret_key is not None:
        app.secret_key = settings.secret_key.reveal()
    guards.install(app)
    bundle.keep_assets(app)
    app.register_blueprint(Api(service).blueprint())
    app.register_blueprint(Deployment(service).blueprint())
    socketio = attach(app, service)
    app.wsgi_app = SocketLimit(app.wsgi_app, settings.max_sockets)  # type: ignore[method-assign]
    service.desk.start()
    return Dashboard(app, socketio, service)


def log_to_stderr(level: str) -> None:
    """One line a record on stderr. The HTTP libraries stay quiet: at DEBUG they would show what they send."""
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("httpx", "httpcore", "engineio", "socketio", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

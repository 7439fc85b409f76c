"""Application factory: builds the Flask app and its live updates from the settings."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from ert_dashboard.auth.login import Login
from ert_dashboard.auth.middleware import AccessMiddleware, Exempt
from ert_dashboard.base import redaction
from ert_dashboard.base.clock import Clock
from ert_dashboard.market.model import MarketData
from ert_dashboard.settings import Settings
from ert_dashboard.web import bundle, headers, routes
from ert_dashboard.web.api import Api
from ert_dashboard.web.deployment import Deployment
from ert_dashboard.web.live import Live, SocketLimit, ThreadedLive, attach
from ert_dashboard.web.market_api import MarketApi
from ert_dashboard.web.metrics import Metrics
from ert_dashboard.web.records import Records
from ert_dashboard.web.service import Service, start_service
from ert_dashboard.web.wake_api import WakeApi
from ert_dashboard.web.workers import Workers

_MOST_THREADS = 60  # of the 100 of the documented command, for live connections


@dataclass(frozen=True)
class Dashboard:
    """Running dashboard. Call `close()` to release its resources."""

    app: Flask
    service: Service
    access: AccessMiddleware
    live: Live

    @property
    def socketio(self) -> Any:
        """The Socket.IO server of `attach`; None with another one."""
        return self.live.socketio if isinstance(self.live, ThreadedLive) else None

    def leave(self) -> None:
        """Stop the jobs and close all live connections, so that the server can exit immediately."""
        self.service.desk.close()
        self.live.leave()

    def close(self) -> None:
        self.service.close()


def create_dashboard(
    settings: Settings,
    *,
    market: MarketData | None = None,
    clock: Clock | None = None,
    live: Callable[[Flask, Service], Live] = attach,
) -> Dashboard:
    """Build the dashboard and start its threads; raise `BadSetting` if the store or the market data is unusable.

    `live` connects the pages: the default needs a thread for each.
    """
    service = start_service(settings, market=market, clock=clock)
    app = Flask("ert_dashboard")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.secret_key is not None:
        app.secret_key = settings.secret_key.reveal()
    bundle.keep_assets(app)
    app.register_blueprint(Api(service).blueprint())
    app.register_blueprint(Records(service).blueprint())
    app.register_blueprint(MarketApi(service.market, service.clock).blueprint())
    wake = WakeApi(service)
    app.register_blueprint(wake.blueprint())
    deployment = Deployment(service, wake)
    app.register_blueprint(deployment.blueprint())
    app.register_blueprint(Metrics(service, deployment).blueprint())
    app.register_blueprint(Workers(service).blueprint())
    updates = live(app, service)
    access, sessions = settings.access, service.sessions
    if access.password is not None and sessions is not None:
        login = Login(
            access.password,
            sessions,
            service.clock,
            lifetime_s=access.session_s,
            ended=updates.end,
            audit=service.store.audit,
            limits=service.limits,
        )
        app.register_blueprint(routes.blueprint("login", page=login.page, enter=login.enter, leave=login.leave))
    limited = SocketLimit(app.wsgi_app, settings.max_sockets or _MOST_THREADS)
    exempt = Exempt(routes.PUBLIC_PATHS, routes.OPEN_PATHS)
    gate = AccessMiddleware(limited, access, sessions, service.limits, exempt)
    headers.install(app, gate.foreign)
    app.wsgi_app = headers.Dressed(gate)  # type: ignore[method-assign]
    service.start()
    return Dashboard(app, service, gate, updates)


class CleanLines(logging.Formatter):
    """Log formatter that redacts all known secrets, also in tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted lines of a record."""
        return redaction.clean(super().format(record))


def log_to_stderr(level: str) -> None:
    """Log to stderr. The HTTP libraries log only warnings: at DEBUG they would log request headers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for noisy in ("httpx", "httpcore", "engineio", "socketio", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

"""Start of the asynchronous server: uvicorn with the dashboard behind it, on one event loop, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from typing import Any

import uvicorn
from flask import Flask

from ert_dashboard.server.bridge import Bridge, Receive, Scope, Send
from ert_dashboard.server.connections import Deadlines, Waiting, protocol_of, raise_file_limit
from ert_dashboard.server.sockets import AsyncLive, SocketGate
from ert_dashboard.settings import Settings
from ert_dashboard.web.app import Dashboard, create_dashboard
from ert_dashboard.web.headers import LARGEST_BODY
from ert_dashboard.web.routes import SMALLER
from ert_dashboard.web.service import Service

_MOST_SOCKETS = 500
_GRACE_S = 10


class Application:
    """ASGI application: WebSockets to the live updates, everything else to the Flask app."""

    def __init__(self, dashboard: Dashboard, live: AsyncLive, most_sockets: int) -> None:
        self._dashboard = dashboard
        self.bridge = Bridge(dashboard.app, largest_body=LARGEST_BODY, smaller=SMALLER, quick=frozenset({"/health"}))
        self._sockets = SocketGate(live, dashboard.access.refusal, self.bridge, most_sockets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.bridge if scope["type"] == "http" else self._sockets)(scope, receive, send)


def serve(settings: Settings, host: str) -> None:
    """Serve on `settings.port` until SIGTERM or SIGINT; raise `BadSetting` if the store cannot be used."""
    for name in ("uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).setLevel(logging.ERROR)  # a client's malformed request is no event
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)  # uvicorn raises the signal again after it has shut down
    asyncio.run(_serve(settings, host))


def _stopped(*_: object) -> None:
    """Leave the exit to `serve`."""


async def _serve(settings: Settings, host: str) -> None:
    loop = asyncio.get_running_loop()
    made: list[AsyncLive] = []

    def live(_: Flask, service: Service) -> AsyncLive:
        made.append(AsyncLive(service, loop))
        return made[-1]

    most_waiting = raise_file_limit()
    dashboard = create_dashboard(settings, live=live)
    application = Application(dashboard, made[-1], settings.max_sockets or _MOST_SOCKETS)
    protocol = protocol_of(Deadlines(), most_waiting)
    config = uvicorn.Config(
        application,
        host=host,
        port=settings.port,
        http=protocol,
        ws="wsproto",
        ws_max_size=LARGEST_BODY,
        lifespan="off",
        log_config=None,
        proxy_headers=False,  # `auth.client_address` decides whom to believe
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=2048,
    )
    server = _Server(config, dashboard, protocol.waiting)
    try:
        await server.serve()
    finally:
        application.bridge.close()
        await asyncio.to_thread(dashboard.close)


class _Server(uvicorn.Server):
    """Server that lets the reports go, for another process to take them, before it waits for open connections."""

    def __init__(self, config: uvicorn.Config, dashboard: Dashboard, waiting: Waiting) -> None:
        super().__init__(config)
        self._dashboard = dashboard
        self._waiting = waiting

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop the jobs in a thread, and close the connections meanwhile, at once where no request has arrived."""
        self._waiting.cut_off_all()
        threading.Thread(target=self._dashboard.leave, name="leave", daemon=True).start()
        await super().shutdown(sockets)

"""uvicorn server with a custom listener: connection limits before TLS, and certificates that reload while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Generator

import uvicorn

from ert_backend.api.app import build
from ert_backend.base.clock import utc_now
from ert_backend.edge.connection_limits import Guest
from ert_backend.edge.identity import Identity, ensure
from ert_backend.edge.listener import Threshold
from ert_backend.edge.protocol import STATE_GUEST, STATE_IDENTITY, Patience, patient
from ert_backend.edge.tls_reload import CurrentPair, context
from ert_backend.engine.bring_up import Pace
from ert_backend.service import Service
from ert_backend.settings import Settings

BACKLOG, CANNOT_LISTEN = 1024, 3
KEEP_ALIVE = 75
_log = logging.getLogger("ert_backend")


class Server(uvicorn.Server):
    """One service on one port. With `pair` None it serves plain text, for tests of the parser only."""

    def __init__(self, config: uvicorn.Config, service: Service, pair: CurrentPair | None) -> None:
        super().__init__(config)
        self.service, self.pair = service, pair
        self.looking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Install no signal handlers: `ert_backend.__main__` handles the signals, because the drain runs first."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve on `sockets` or on the configured address; exit with status 3 when the address is in use."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(CANNOT_LISTEN)
        try:
            listeners = sockets or [_listen(self.config.host, self.config.port)]
        except OSError as error:
            _log.error("cannot listen (%s)", error.strerror)
            await self.lifespan.shutdown()
            sys.exit(CANNOT_LISTEN)
        thresholds = [self._threshold(listener) for listener in listeners]
        self.servers = thresholds  # type: ignore[assignment]
        for threshold in thresholds:
            threshold.open()
        if self.pair is not None:
            self.looking = asyncio.create_task(self.pair.keep_looking(self.service.settings.cert_look))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting connections, then shut down as uvicorn does."""
        if self.looking is not None:
            self.looking.cancel()
        await super().shutdown(sockets)

    def _threshold(self, listener: socket.socket) -> Threshold:
        pair, seconds = self.pair, self.service.settings.head_deadline
        tls = (lambda: pair.tls) if pair is not None else (lambda: None)
        return Threshold(listener, self.service.gate.lobby, self._protocol, tls, seconds)

    def _protocol(self, guest: Guest) -> asyncio.Protocol:
        """Create the protocol of one connection, with its peer and the certificate that it was served."""
        known = {STATE_IDENTITY: self.pair.now} if self.pair is not None else {}
        state = {**self.lifespan.state, STATE_GUEST: guest, **known}
        make = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=state)  # type: ignore[call-arg]


def server(settings: Settings, identity: Identity | None, service: Service, pace: Pace | None = None) -> Server:
    """Create a server for the service, over TLS with the machine's own key pair.

    Raise OSError when the pair cannot be used.
    """
    config = uvicorn.Config(
        build(service, pace),
        host=settings.bind[0],
        port=settings.bind[1],
        http=patient(Patience(head=settings.head_deadline), service.gate.lobby),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=2,
    )
    config.load()
    return Server(config, service, _pair(settings, identity) if identity is not None else None)


def _pair(settings: Settings, identity: Identity) -> CurrentPair:
    def fresh() -> Identity:
        return ensure(settings.data_dir, settings.deployment, settings.public_ip, utc_now())

    return CurrentPair(identity, context(identity), fresh)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    _log.info("listening on %s:%s", *listener.getsockname()[:2])
    return listener

"""Serve: runs the agent until it is told to end. A run that is under way then is left to the next start."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ert_deploy.agent.keeper import Keeper
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret

if TYPE_CHECKING:
    import uvicorn

    from ert_deploy.agent.gateway.routes import Gateway

BACKLOG = 2048
ENDS_WITHIN = 2  # seconds that open responses get
MOST_HEAD = 16 * 1024  # bytes of a request before its body


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises UsageError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no address of this machine"
        raise UsageError(f"{host}:{port} cannot be listened at: {why}", hint="--listen HOST:PORT") from None


def serve(
    keepers: Sequence[Keeper], key: Secret, listening: socket.socket, ready: Callable[[], None],
    gateway: Gateway | None = None,
) -> None:  # fmt: skip
    """Serve requests until SIGINT or SIGTERM. `ready` is called once it listens."""
    for keeper in keepers:
        keeper.begin()
    try:
        asyncio.run(_serve(keepers, key, listening, ready, gateway))
    finally:
        for keeper in keepers:
            keeper.end()


def server(keepers: Sequence[Keeper], key: Secret, gateway: Gateway | None = None) -> uvicorn.Server:
    """Return the HTTP server, whose signals are the caller's: an end on request is no error."""
    import uvicorn

    from ert_deploy.agent.routes import application

    class Server(uvicorn.Server):
        """Server that leaves the signals alone."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Change no handler."""
            yield

    return Server(
        uvicorn.Config(
            application(keepers, key, gateway), http="h11", ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False, backlog=BACKLOG,
            timeout_graceful_shutdown=ENDS_WITHIN, h11_max_incomplete_event_size=MOST_HEAD,
        )
    )  # fmt: skip


async def _serve(
    keepers: Sequence[Keeper], key: Secret, listening: socket.socket, ready: Callable[[], None],
    gateway: Gateway | None = None,
) -> None:  # fmt: skip
    made, loop = server(keepers, key, gateway), asyncio.get_running_loop()

    def end() -> None:
        made.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    loop.call_soon(ready)
    await made.serve(sockets=[listening])

"""A TCP proxy on loopback that can swallow what a server sends: the reply to a request that it did carry out."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Forwards both ways. While `cut` is set, a request with that text is forwarded and its connection closed.

    `silent`: nothing that the server sends is passed on, and the connection stays open.
    """

    port: int
    cut: bytes = b""
    silent: bool = False
    cuts: int = 0
    open: list[socket.socket] = field(default_factory=list)


@contextlib.contextmanager
def before(port: int) -> Iterator[Proxy]:
    """Run a proxy before the server at `port`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(listener.getsockname()[1])
        threading.Thread(target=_serve, args=(proxy, listener, port), daemon=True).start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for one in proxy.open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()


def _serve(proxy: Proxy, listener: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port), 10)
            server.settimeout(None)
            proxy.open += [client, server]
            threading.Thread(target=_requests, args=(proxy, client, server), daemon=True).start()
            threading.Thread(target=_replies, args=(proxy, client, server), daemon=True).start()


def _requests(proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := client.recv(65_536):
            if proxy.cut and proxy.cut in data:
                proxy.cut, proxy.cuts = b"", proxy.cuts + 1
                client.shutdown(socket.SHUT_RDWR)
                server.sendall(data)
                return
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)


def _replies(proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(65_536):
            if not proxy.silent:
                client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)

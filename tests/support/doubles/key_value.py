"""A Redis or Valkey server on loopback: the real one of the system, without a file."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.dashboard.following import until
from tests.support.llm_engine.servers import free_port

PROGRAM = shutil.which("valkey-server") or shutil.which("redis-server")


@dataclass
class KeyValueServer:
    """A running server; `stop` and `start` are an outage."""

    folder: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert PROGRAM is not None
        options = ["--save", "", "--appendonly", "no", "--dir", self.folder, "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(
            [PROGRAM, "--port", str(self.port), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self.answers, 20)

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    def freeze(self, *, thaw: bool = False) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT if thaw else signal.SIGSTOP)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@contextlib.contextmanager
def running() -> Iterator[KeyValueServer]:
    with tempfile.TemporaryDirectory(prefix="ert-kv-") as folder:
        server = KeyValueServer(folder, free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()

"""Key value store: the system's own Valkey or Redis on loopback, in memory only."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

from ert_deploy.sandbox.runtime.servers import MissingProgram, Server, free_port

PROGRAMS = ("valkey-server", "redis-server")


def installed() -> str:
    """Return the path of the program. Raises `MissingProgram` where there is none."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    raise MissingProgram(f"the sandbox has no key value store: install {' or '.join(PROGRAMS)}")


def start(record: Path) -> tuple[Server, str]:
    """Start a server and wait for it; return it with its URL.

    Raises `MissingProgram`, and `RuntimeError` if it does not start. `record` is a file for the process.
    """
    program, port = installed(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="ert-sandbox-kv-"))
    options = ["--save", "", "--appendonly", "no", "--dir", str(folder), "--bind", "127.0.0.1"]
    server = Server("the key value store", [program, "--port", str(port), *options], folder, record)
    try:
        server.start(lambda: _answers(port))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server, f"redis://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False

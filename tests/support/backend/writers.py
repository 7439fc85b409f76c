"""Fork server for the process that writes reports: each test gets a new process, and the imports happen once.

`Writers` starts the server; its `command` takes the place of `ert_backend.reports.writer.COMMAND`. It is a small
client that passes its three standard streams to the server and ends as the writer does, with its code or its signal.
As a script, with the path of a Unix socket: the server.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[3]
CLIENT = """
import os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
socket.send_fds(server, [b"x"], [0, 1, 2])
for number in (0, 1, 2):
    os.close(number)
code = int(server.recv(16) or b"1")
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Writers:
    """The server, as long as the block lasts. `command` starts a writer."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ert-writers-")
        path = str(Path(self._folder.name) / "socket")
        self.command = (sys.executable, "-I", "-S", "-c", CLIENT, path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.backend.writers", path],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "images" / "llm-backend")])},
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Writers:
        assert self._process.stdout is not None
        assert self._process.stdout.read(1), "the server did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


def serve(path: str) -> None:
    """Start a writer for each connection, until the process is killed or its parent is gone."""
    from ert_backend.reports import worker

    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        listener.settimeout(5)
        os.write(1, b"r")
        while os.getppid() == parent:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                _, streams, _, _ = socket.recv_fds(connection, 1, 3)
                if os.fork() == 0:
                    listener.close()
                    _attend(connection, streams, worker.main)
                for number in streams:
                    os.close(number)


def _attend(connection: socket.socket, streams: list[int], main: Callable[[], int]) -> None:
    """Run the writer in a process of its own, and report its exit code; without its client it is killed."""
    pid = os.fork()
    if pid == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os._exit(main())
    for number in streams:
        os.close(number)
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    try:
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    except OSError:
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])

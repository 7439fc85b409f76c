"""Server process of a store: started with a check of its own, recorded, and removed with its files."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.runtime.processes import ProcessIdentity

START_SECONDS, STOP_SECONDS = 60.0, 15.0
_TICK = 0.05


class MissingProgram(RuntimeError):
    """This machine lacks the program of a store; the message names what to install."""


def free_port() -> int:
    """Return a loopback port that is currently available."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process, `name` in messages. `folder` is deleted with it, and has its log."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, record: Path, rights: Mapping[str, Any] | None = None
    ) -> None:
        self.name = name
        self._command, self._folder, self._record = command, folder, record
        self._rights = dict(rights or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self._folder / "log"

    def start(self, ready: Callable[[], bool]) -> None:
        """Start it and wait until it is `ready`. Raises `RuntimeError` with the end of its log if it is not."""
        with self.log.open("wb") as out:
            process = subprocess.Popen(
                list(self._command),
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                **self._rights,
            )
        self._process = process
        row = {"pid": process.pid, "start_time": ProcessIdentity.of(process.pid).start_time, "server": self.name}
        self._record.write_text(json.dumps([row]) + "\n")
        pause = threading.Event()
        for _ in range(int(START_SECONDS / _TICK)):
            if process.poll() is not None:
                break
            if ready():
                return
            pause.wait(_TICK)
        tail = self.log.read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"{self.name} did not start: {tail}")

    def stop(self) -> None:
        """End the process, by force if it takes long, and delete its files."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)
        self._record.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

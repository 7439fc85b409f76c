"""A PostgreSQL server on loopback: the real one, from a package with its binaries, run without root's privileges."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from ert_deploy.sandbox.runtime.postgres import NOBODY, as_nobody, installed, readable_binaries
from tests.support.llm_engine.servers import free_port

USER, PASSWORD = "ert", "password-canary-0123456789"
DATABASES = itertools.count(1)
START = 60.0  # seconds


@dataclass
class Server:
    """A running server; `stop` and `start` are a restart in two steps, `kill` the end of a machine."""

    folder: Path
    binaries: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", user: str = USER, password: str = PASSWORD) -> str:
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Create an empty database and return its name."""
        name = f"state_{next(DATABASES)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def execute(self, command: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one command as the owner of the server."""
        with psycopg.connect(self.url(database), autocommit=True) as session:
            done = session.execute(command.encode())
            return done.fetchall() if done.description else []

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        command = [
            f"{self.binaries}/postgres",
            "-D",
            f"{self.folder}/data",
            "-p",
            str(self.port),
            "-k",
            str(self.folder),
        ]
        options = ["listen_addresses=127.0.0.1", "fsync=off", "shared_buffers=16MB", "max_connections=40"]
        arguments = [part for option in options for part in ("-c", option)]
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [*command, *arguments], stdout=log, stderr=log, **as_nobody()
        )
        self.process = process
        log.close()
        pause = threading.Event()
        for _ in range(int(START / 0.05)):
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
                return
            if process.poll() is not None:
                break
            pause.wait(0.05)
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self, number: int = signal.SIGINT) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Run a server with one superuser and a password on a free port."""
    with tempfile.TemporaryDirectory(prefix="ert-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        server = Server(folder, readable_binaries(installed(), folder), free_port())
        if os.geteuid() == 0:
            for one in (folder, secret):
                os.chown(one, NOBODY, NOBODY)
        command = [f"{server.binaries}/initdb", "-D", f"{folder}/data", "-U", USER, "-A", "scram-sha-256"]
        more = ["--pwfile", str(secret), "--no-sync", "--no-locale", "-E", "UTF8"]
        subprocess.run([*command, *more], check=True, capture_output=True, **as_nobody())
        server.start()
        try:
            yield server
        finally:
            server.stop()

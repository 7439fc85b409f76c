"""Fork server: starts each command in a new process without importing the packages again.

As a script it reads one JSON object per line (argv of `launcher`, cwd, env, out, err), forks, reports `pid N`, waits
for the exit and reports `code N` (negative: terminated by that signal). `Nursery` is the other side of the pipe.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """Result of a command. `killed`: terminated by SIGKILL."""

    pid: int
    code: int
    said: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Nursery:
    """Client of that server, for one command at a time. Context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.runner"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.pid = 0

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Terminate the server and wait for the exit."""
        self._process.kill()
        self._process.communicate()

    def run(self, number: int | str, when: str, command: list[str], folder: Path, env: dict[str, str]) -> Ended:
        """Run one command until it exits. Raises TimeoutError after two minutes."""
        out, err = folder / "out.txt", folder / "err.txt"
        order = {
            "number": number, "when": when, "command": command, "cwd": str(folder), "env": env,
            "out": str(out), "err": str(err),
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        self.pid = self._hear("pid")
        code = self._hear("code")
        pid, self.pid = self.pid, 0
        return Ended(pid, code, out.read_text() + err.read_text())

    def _hear(self, what: str) -> int:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], LONGEST)
        if not ready:
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
            raise TimeoutError(f"no {what} within {LONGEST:g} s")
        name, number = self._process.stdout.readline().decode().split()
        assert name == what
        return int(number)


def _preload() -> None:
    import boto3  # noqa: F401
    import vastai  # noqa: F401

    adapters = ("app.probe", "backend.probe", "state.file", "state.object_state", "state.s3_objects")
    for name in (*(f"adapters.{name}" for name in adapters), "providers.render.web", "providers.vast.client"):
        importlib.import_module(f"ert_deploy.{name}")
    from ert_deploy.cli import COMMANDS, cli
    from ert_deploy.cli.view import lines  # noqa: F401

    for name in COMMANDS:
        cli.get_command(None, name)  # type: ignore[arg-type]
    import tests.kills.launcher  # noqa: F401


def _say(what: str, number: int) -> None:
    os.write(1, f"{what} {number}\n".encode())


def _child(order: dict[str, Any]) -> None:
    from tests.kills.launcher import launch

    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    try:
        code = launch(order["number"], order["when"], order["command"])
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Handle requests until the pipe is closed."""
    _preload()
    for line in iter(sys.stdin.buffer.readline, b""):
        pid = os.fork()
        if pid == 0:
            _child(json.loads(line))
        _say("pid", pid)
        _say("code", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()

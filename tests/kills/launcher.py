"""Launcher: runs the real CLI in this process and sends SIGKILL immediately before or after the n-th `Effect`.

    python -m tests.kills.launcher 12 after -- up -c my.yaml

Clock reads, random numbers, delays and output are not included in the number. 0 turns the signal off; a name instead of
a number, as `GpuHost.create`, selects the first call of that port method. ERT_KILLS_JOURNAL is a file to which the name
of each effect is appended before its execution; ERT_KILLS_PATIENCE is the response timeout of the adapters in real
seconds.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ert_deploy.cli import main as command_line
from ert_deploy.engine import run as engine_run
from ert_deploy.engine.effects import Method
from ert_deploy.engine.run import Interpreter
from ert_deploy.ports import Audience, Clock, Entropy, TimeSource

UNCOUNTED = (Audience.tell, TimeSource.moment, Entropy.token_bytes, Clock.sleep)


class Armed:
    """Count every `Effect` of all engines of this process, and send SIGKILL at the selected one."""

    def __init__(self, at: int | str, when: str, journal: Path | None) -> None:
        self._at, self._when, self._journal = at, when, journal
        self._done = 0

    def over(self, table: Interpreter) -> Interpreter:
        """Wrap every handler except those in `UNCOUNTED`."""
        return {call: act if call in UNCOUNTED else self._trap(call, act) for call, act in table.items()}

    def _trap(self, call: Method, act: Method) -> Method:
        def carry_out(*args: Any, **named: Any) -> Any:
            self._done += 1
            self._write(call.__qualname__)
            self._strike(call, "before")
            try:
                return act(*args, **named)
            finally:
                self._strike(call, "after")

        return carry_out

    def _strike(self, call: Method, when: str) -> None:
        if self._at in (self._done, call.__qualname__) and self._when == when:
            os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, name: str) -> None:
        if self._journal is not None:
            with self._journal.open("a") as file:
                file.write(f"{name}\n")


def impatient(seconds: float) -> None:
    """Set the response timeout of all clients in real seconds; the default is too long for an accelerated clock."""
    from ert_deploy.adapters.bounded_http import Bounds
    from ert_deploy.adapters.state import s3_http
    from ert_deploy.providers.render import web as render_web
    from ert_deploy.providers.vast import client as vast_client

    shorter = replace(Bounds(), connect=seconds, read=seconds, total=3 * seconds)
    vars(vast_client)["CALL_TIMEOUT"] = seconds
    vars(render_web)["Bounds"] = lambda: shorter
    vars(s3_http)["BOUNDS"] = replace(shorter, size=s3_http.BOUNDS.size)


@contextmanager
def _armed(trap: Armed) -> Iterator[None]:
    real = engine_run.interpreter
    vars(engine_run)["interpreter"] = lambda ports: trap.over(real(ports))
    try:
        yield
    finally:
        vars(engine_run)["interpreter"] = real


def launch(at: int | str, when: str, command: list[str]) -> int:
    """Run the command with the signal armed; return the exit code if it exits."""
    if "ERT_KILLS_PATIENCE" in os.environ:
        impatient(float(os.environ["ERT_KILLS_PATIENCE"]))
    journal = os.environ.get("ERT_KILLS_JOURNAL")
    with _armed(Armed(at, when, Path(journal) if journal else None)):
        try:
            command_line(command)
        except SystemExit as done:
            return done.code if isinstance(done.code, int) else 1
    return 0


def main() -> int:
    """Parse the arguments: number or name of an effect, `before` or `after`, `--`, and the command."""
    at, when, dashes, *command = sys.argv[1:]
    if when not in ("before", "after") or dashes != "--":
        raise SystemExit(__doc__)
    return launch(int(at) if at.isdigit() else at, when, command)


if __name__ == "__main__":
    sys.exit(main())

"""Runs the real command line in this process and ends it with SIGKILL right before or right after its n-th effect.

    python -m tests.kills.launcher 12 after -- up -c my.yaml

An effect that only looks at the clock, draws, waits or shows something is not counted. 0 instead of a number kills
nothing, the name of an effect kills at the first of that kind. ERT_KILLS_JOURNAL names a file that gets the name of
each effect before it is carried out; ERT_KILLS_PATIENCE is how many real seconds the adapters wait for an answer, for
providers that never give one.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ert_deploy.cli import main as command_line
from ert_deploy.engine import effects as e
from ert_deploy.engine import run as engine_run

UNCOUNTED = (e.Tell, e.Now, e.Draw, e.Sleep)
Act = Callable[[Any], Any]


class Armed:
    """Counts effects across all engines of this process, and strikes once."""

    def __init__(self, at: int | str, when: str, journal: Path | None) -> None:
        self._at, self._when, self._journal = at, when, journal
        self._done = 0

    def over(self, table: dict[type[Any], Act]) -> dict[type[Any], Act]:
        """The same interpreter with the trap in it."""
        return {kind: act if kind in UNCOUNTED else self._trap(kind, act) for kind, act in table.items()}

    def _trap(self, kind: type[Any], act: Act) -> Act:
        def carry_out(effect: Any) -> Any:
            self._done += 1
            self._write(kind.__name__)
            self._strike(kind, "before")
            try:
                return act(effect)
            finally:
                self._strike(kind, "after")

        return carry_out

    def _strike(self, kind: type[Any], when: str) -> None:
        if self._at in (self._done, kind.__name__) and self._when == when:
            os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, name: str) -> None:
        if self._journal is not None:
            with self._journal.open("a") as file:
                file.write(f"{name}\n")


def impatient(seconds: float) -> None:
    """Wait no longer than that for an answer: a world whose hours pass in seconds has no half minutes to lose."""
    from ert_deploy.adapters.bounded_http import Bounds
    from ert_deploy.adapters.render import web as render_web
    from ert_deploy.adapters.state import s3_http
    from ert_deploy.adapters.vast import client as vast_client

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
    """Run the command with the trap set; its exit code, if it lives to have one."""
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
    """Read the words: the number or name of an effect, `before` or `after`, `--`, and the command."""
    at, when, dashes, *command = sys.argv[1:]
    if when not in ("before", "after") or dashes != "--":
        raise SystemExit(__doc__)
    return launch(int(at) if at.isdigit() else at, when, command)


if __name__ == "__main__":
    sys.exit(main())

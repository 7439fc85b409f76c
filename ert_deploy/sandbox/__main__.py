"""Command line of the sandbox: `python -m ert_deploy.sandbox start | stop | status` controls it as a daemon.

The bill (`stop`) and the state (`status`) are JSON on stdout; all other output is on stderr. Exit codes: 0 success,
1 failure, 2 invalid arguments, 3 another sandbox is running in that directory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.app_folder import AppOrder
from ert_deploy.sandbox.world.file import WorldError
from ert_deploy.sandbox.world.rows import parse

DEFAULT_WORLD = Path(".ert/sandbox")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m ert_deploy.sandbox", description="a world on loopback")
    commands = top.add_subparsers(dest="command", required=True)
    for name, text in (
        ("start", "start a world"),
        ("stop", "stop it and print its bill"),
        ("status", "print its state"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--world", type=Path, default=DEFAULT_WORLD, help="its directory (default: %(default)s)")
    start = commands.choices["start"]
    start.add_argument("--speed", type=float, default=20.0, help="world seconds per real second (default: %(default)s)")
    start.add_argument("--model", choices=("auto", "toy"), default="auto", help="a real small model, or a toy")
    start.add_argument("--app", type=AppOrder.parse, help="a user's app, as JSON with folder and service")
    start.add_argument("--services", type=parse, default=(), help="services with databases, as a JSON list of rows")
    start.add_argument("--foreground", action="store_true", help="stay in this terminal")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    given = parser().parse_args(argv)
    if given.command == "start" and given.speed <= 0:
        sys.stderr.write("--speed must be above 0\n")
        return 2
    try:
        return _run(given)
    except (WorldError, OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(given: argparse.Namespace) -> int:
    directory = given.world.absolute()
    if given.command == "stop":
        return _print(daemon.stop(directory))
    if given.command == "status":
        state = daemon.status(directory)
        if state is None:
            sys.stderr.write(f"no sandbox is running in {directory}\n")
            return 1
        return _print(state)
    if given.foreground:
        return daemon.run(directory, given.speed, given.model, given.app, given.services)
    return _print(daemon.start(directory, given.speed, model=given.model, app=given.app, rows=given.services).public())


def _print(value: object) -> int:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

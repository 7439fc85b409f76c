"""Sandbox daemon: start it in the background, query its state, stop it.

The daemon is a session leader without a terminal, so a Ctrl-C in the shell that started it has no effect. It keeps its
directory locked while it is running; starting a second one returns the first. All its files are in that directory:
`world.json` while it is running, `bill.json` every second and at the end, `sandbox.log`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from ert_deploy.sandbox.ollama.weights import default_cache, ensure_model, toy_model
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.processes import ProcessIdentity, end_processes, recorded
from ert_deploy.sandbox.world import app_folder
from ert_deploy.sandbox.world import file as world_file
from ert_deploy.sandbox.world.app_folder import AppOrder
from ert_deploy.sandbox.world.control_client import ask
from ert_deploy.sandbox.world.file import NotRunning, WorldError, WorldFile
from ert_deploy.sandbox.world.installed import must_be_installed
from ert_deploy.sandbox.world.launch import environment, foreground_command, tail
from ert_deploy.sandbox.world.rows import ServiceRow, ensure_stores, option
from ert_deploy.sandbox.world.world import RENDER, SERVICE, VAST, World

LOG, LOCK, BILL = "sandbox.log", "sandbox.lock", "bill.json"
START_SECONDS, STOP_SECONDS = 300.0, 60.0
BILL_EVERY = 1.0
BUSY_EXIT = 3
_real = WorldClock()


def start(
    directory: Path,
    speed: float = 20.0,
    *,
    model: str = "auto",
    command: Sequence[str] | None = None,
    app: AppOrder | None = None,
    rows: Sequence[ServiceRow] = (),
) -> WorldFile:
    """Start the sandbox of `directory` in the background, wait until it is ready and return it.

    A running one is returned unchanged, with its own speed. Raises `WorldError`, with the end of the log, when the
    start fails, for an `app` that cannot be run or while another sandbox runs in the directory, and for `rows` whose
    servers are missing. `model` is `auto` or `toy`; `command` is used instead of `foreground_command`.
    """
    if app is not None:
        app_folder.read(app)
        _must_not_run(directory)
    try:
        return world_file.attach(directory)
    except WorldError as problem:
        _claim(directory)
        if not isinstance(problem, NotRunning) and not _free(directory):
            raise
        must_be_installed()
        ensure_stores(rows)
    if command is None and model == "auto" and ensure_model(default_cache()).is_toy:
        model = "toy"  # the daemon has no access to the caller's package index and proxy
    argv = command or [*foreground_command(directory, speed, model), *(app.option() if app else ()), *option(rows)]
    log = directory / LOG
    with log.open("ab") as sink:
        child = subprocess.Popen(
            argv, env=environment(), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
    world = _wait_ready(directory, child, log)
    if world.pid == child.pid:
        child.returncode = 0  # it is meant to outlive this process, of which Python would warn
    else:
        child.wait(STOP_SECONDS)
    return world


def _must_not_run(directory: Path) -> None:
    try:
        world_file.attach(directory)
    except WorldError:
        return
    raise WorldError(f"a sandbox is running in {directory} already; `ert-deploy sandbox stop` ends it first")


def _claim(directory: Path) -> None:
    """Create and mark the directory. Raises `WorldError` if it has other files, because `clean` deletes some."""
    if directory.exists() and any(directory.iterdir()) and not (directory / LOCK).exists():
        raise WorldError(f"{directory} is not empty and no sandbox directory: choose another")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / LOCK).touch(mode=0o600)


def _free(directory: Path) -> bool:
    with locked(directory) as mine:
        return mine is not None


def _wait_ready(directory: Path, child: subprocess.Popen[bytes], log: Path) -> WorldFile:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # The child removes a damaged file of a previous run.
        with contextlib.suppress(WorldError):
            return world_file.attach(directory)
        if (code := child.poll()) is not None and (code != BUSY_EXIT or _free(directory)):
            raise WorldError(f"the sandbox did not start (exit code {code}):\n{tail(log)}")
        _real.sleep(0.05)
    end_processes([ProcessIdentity.of(child.pid)], STOP_SECONDS)
    child.wait(STOP_SECONDS)
    raise WorldError(f"the sandbox was not ready after {START_SECONDS:.0f} s:\n{tail(log)}")


def stop(directory: Path) -> dict[str, Any]:
    """Stop the sandbox and return its final bill. Raises `NotRunning` if there never was one in the directory.

    After a crash of the daemon, its child processes are terminated and its last bill is returned, marked `interrupted`
    if `world.json` can be read.
    """
    try:
        world = world_file.read(directory)
    except WorldError as problem:
        if not (directory / LOCK).exists():
            raise NotRunning(f"no sandbox is running in {directory}") from problem
        _put_away(directory)
        return _read_bill(directory)
    process = ProcessIdentity(world.pid, world.start_time)
    if process.alive():
        _ask_to_stop(world)
        _wait_gone(process)
        _put_away(directory)
        return _read_bill(directory)
    _put_away(directory)
    return {**_read_bill(directory), "interrupted": True}


def _put_away(directory: Path) -> None:
    with locked(directory) as mine:
        if not mine:
            raise WorldError(f"the sandbox in {directory} is starting or stopping: try again in a moment")
        clean(directory)


def _ask_to_stop(world: WorldFile) -> None:
    try:
        ask(world, "POST", "/stop", {})
    except WorldError:
        end_processes([ProcessIdentity(world.pid, world.start_time)], STOP_SECONDS)


def _wait_gone(process: ProcessIdentity) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while process.alive() and time.monotonic() < deadline:
        _real.sleep(0.02)
    end_processes([process])
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


def _read_bill(directory: Path) -> dict[str, Any]:
    try:
        bill: dict[str, Any] = json.loads((directory / BILL).read_text())
    except (OSError, ValueError):
        return {}
    return bill


def clean(directory: Path) -> None:
    """Clean up if no daemon is running: terminate its child processes and delete its files except log and bill."""
    end_processes(recorded(directory))
    for folder in (VAST, RENDER):
        shutil.rmtree(directory / folder, ignore_errors=True)
    for path in (directory / world_file.NAME, *directory.glob("*processes*.json")):
        path.unlink(missing_ok=True)


def status(directory: Path) -> dict[str, Any] | None:
    """Return the state of the running sandbox, without its keys, or None if there is none. Raises `WorldError`."""
    try:
        world = world_file.attach(directory)
    except NotRunning:
        return None
    return {**world.public(), **ask(world, "GET", "/state")}


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[IO[str] | None]:
    """Lock the directory during the block; yields None if another process has locked it."""
    with (directory / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file


def run(
    directory: Path, speed: float, model: str = "auto", app: AppOrder | None = None, rows: Sequence[ServiceRow] = ()
) -> int:
    """Run in the foreground and return the exit code. Raises `WorldError` for an `app` that cannot be run."""
    user_app = app_folder.read(app) if app else None

    def make() -> World:
        cache = default_cache()
        found = toy_model(cache) if model == "toy" else ensure_model(cache)
        name = app.service if app else SERVICE
        return World(directory, speed=speed, model=found, service=name, app=user_app, rows=rows)

    return run_world(directory, make)


def run_world(directory: Path, make: Callable[[], World]) -> int:
    """Run the sandbox created by `make` with the directory locked, until a stop is requested, and write its bill.

    `SIGTERM` and `SIGINT` also request a stop. Return 0, or 3 if another sandbox is running in the directory.
    """
    _claim(directory)
    with locked(directory) as mine:
        if not mine:
            sys.stderr.write(f"another sandbox runs in {directory}\n")
            return BUSY_EXIT
        clean(directory)
        (directory / BILL).unlink(missing_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        world = make()
        world.start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: world.stop_asked.set())
        _serve(directory, world)
    return 0


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _serve(directory: Path, world: World) -> None:
    try:
        while not world.stop_asked.wait(BILL_EVERY):
            world_file.write_atomic(directory / BILL, world.bill())
    finally:
        world_file.write_atomic(directory / BILL, world.stop())

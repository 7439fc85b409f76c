"""Runs a world as a process of its own: start it in the background, ask for its state, stop it.

The daemon is a session leader without a terminal, so a Ctrl-C in the shell that started it does not reach it. It holds
a lock on its directory for as long as it lives; who starts a second one gets the first. Everything it writes is in
that directory: `world.json` while it runs, `bill.json` every second and at the end, `sandbox.log`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
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
from ert_deploy.sandbox.runtime.processes import ProcessMark, end_processes, recorded
from ert_deploy.sandbox.world import file as world_file
from ert_deploy.sandbox.world.control_client import ask
from ert_deploy.sandbox.world.file import NotRunning, WorldError, WorldFile
from ert_deploy.sandbox.world.installed import must_be_installed
from ert_deploy.sandbox.world.world import RENDER, VAST, World

LOG, LOCK, BILL = "sandbox.log", "sandbox.lock", "bill.json"
START_SECONDS, STOP_SECONDS = 300.0, 60.0
BILL_EVERY = 1.0
BUSY_EXIT = 3
_TAIL = 20
# Everything else stays with the caller: a daemon lives for hours, and its crash or its log is nobody's secret.
INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_CACHE_HOME|SSL_CERT_FILE|OPENBLAS_\w+"
    r"|PYTHON(?:DONTWRITEBYTECODE|WARNINGS|HASHSEED)"
)
_real = WorldClock()


def start(
    directory: Path, speed: float = 20.0, *, model: str = "auto", command: Sequence[str] | None = None
) -> WorldFile:
    """The running world of `directory`, started in the background if there is none; returns when it is ready.

    A world that already runs is returned as it is, whatever its speed. WorldError, with the end of its log, when it
    does not come up. `model` is `auto` or `toy`; `command` replaces the daemon's command line.
    """
    try:
        return world_file.attach(directory)
    except WorldError as problem:
        _claim(directory)
        if not isinstance(problem, NotRunning) and not _free(directory):
            raise
        must_be_installed()
    if command is None and model == "auto" and ensure_model(default_cache()).is_toy:
        model = "toy"  # the daemon has neither the index nor the proxy of whoever starts it
    argv = command or foreground_command(directory, speed, model)
    log = directory / LOG
    with log.open("ab") as sink:
        child = subprocess.Popen(
            argv, env=_environment(), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
    world = _wait_ready(directory, child, log)
    if world.pid == child.pid:
        # It is meant to outlive us; without this the interpreter complains that it does.
        child.returncode = 0
    else:
        child.wait(STOP_SECONDS)
    return world


def foreground_command(directory: Path, speed: float, model: str) -> list[str]:
    """The command line of the daemon itself."""
    options = ["--world", str(directory), "--speed", str(speed), "--model", model, "--foreground"]
    return [sys.executable, "-m", "ert_deploy.sandbox", "start", *options]


def _environment() -> dict[str, str]:
    """No key, proxy or index of the caller's, and this very package importable from any working directory."""
    places = [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]
    kept = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, places))}


def _claim(directory: Path) -> None:
    """Make the directory, or refuse one that is not empty and was never a sandbox's: it will be cleaned later."""
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
        # A damaged file of an older world is put away by the child in a moment.
        with contextlib.suppress(WorldError):
            return world_file.attach(directory)
        code = child.poll()
        if code is not None and (code != BUSY_EXIT or _free(directory)):
            raise WorldError(f"the sandbox did not start (exit code {code}):\n{tail(log)}")
        _real.sleep(0.05)
    end_processes([ProcessMark.of(child.pid)], STOP_SECONDS)
    child.wait(STOP_SECONDS)
    raise WorldError(f"the sandbox was not ready after {START_SECONDS:.0f} s:\n{tail(log)}")


def tail(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-_TAIL:])


def stop(directory: Path) -> dict[str, Any]:
    """End the world and return its final bill; NotRunning when there never was one.

    If the daemon is dead, what it left behind is ended, and the bill is the last one it wrote, marked `interrupted`.
    """
    try:
        world = world_file.read(directory)
    except WorldError as problem:
        if not (directory / LOCK).exists():
            raise NotRunning(f"no sandbox is running in {directory}") from problem
        _put_away(directory)
        return _read_bill(directory)
    mark = ProcessMark(world.pid, world.start_time)
    if mark.alive():
        _ask_to_stop(world)
        _wait_gone(mark)
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
        end_processes([ProcessMark(world.pid, world.start_time)], STOP_SECONDS)


def _wait_gone(mark: ProcessMark) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while mark.alive() and time.monotonic() < deadline:
        _real.sleep(0.02)
    end_processes([mark])
    with contextlib.suppress(ChildProcessError):
        os.waitpid(mark.pid, os.WNOHANG)


def _read_bill(directory: Path) -> dict[str, Any]:
    try:
        bill: dict[str, Any] = json.loads((directory / BILL).read_text())
    except (OSError, ValueError):
        return {}
    return bill


def clean(directory: Path) -> None:
    """Put away a world that is not running: end its leftover processes, then remove its files but log and bill."""
    end_processes(recorded(directory))
    for folder in (VAST, RENDER):
        shutil.rmtree(directory / folder, ignore_errors=True)
    for path in (directory / world_file.NAME, *directory.glob("*processes*.json")):
        path.unlink(missing_ok=True)


def status(directory: Path) -> dict[str, Any] | None:
    """The state of the running world, without its keys; None when there is none."""
    try:
        world = world_file.attach(directory)
    except NotRunning:
        return None
    return {**world.public(), **ask(world, "GET", "/state")}


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[IO[str] | None]:
    """The directory's lock while the block runs, or None when another process has it."""
    with (directory / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file


def run(directory: Path, speed: float, model: str = "auto") -> int:
    """The foreground mode with the real doubles; returns an exit code."""

    def make() -> World:
        cache = default_cache()
        return World(directory, speed=speed, model=toy_model(cache) if model == "toy" else ensure_model(cache))

    return run_world(directory, make)


def run_world(directory: Path, make: Callable[[], World]) -> int:
    """Hold the lock, run the world `make` gives until it is asked to stop or gets SIGTERM or SIGINT, write the bill."""
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

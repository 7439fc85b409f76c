"""Processes of a sandbox by their id: those of its machines and of its app. Linux only, as the sandbox is."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.world.control_client import ask
from tests.e2e.conftest import Place

ENGINE = "ert_deploy.sandbox.ollama"


def guards(place: Place) -> dict[int, int]:
    """Return the pid of the main process of each machine that runs, by its instance."""
    file = place.folder / ".ert" / "sandbox" / "vast" / "vast-processes.json"
    rows: list[dict[str, int]] = json.loads(file.read_text()) if file.exists() else []
    return {row["instance"]: row["pid"] for row in rows if Path(f"/proc/{row['pid']}").exists()}


def engines(place: Place) -> list[int]:
    """Return the pids of the model servers of all machines, which are in the sessions of their guards."""
    sessions = set(guards(place).values())
    return [pid for pid, session, words in _all() if session in sessions and ENGINE in words]


def apps(place: Place) -> list[int]:
    """Return the pids of the app's instances, by the sandbox's account of them."""
    services: list[dict[str, Any]] = ask(place.world, "GET", "/state")["services"]["services"]
    return [one["pid"] for service in services for one in service["instances"]]


def children(pid: int) -> list[int]:
    """Return the pids of the children of a process; empty if it is gone."""
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _all() -> list[tuple[int, int, list[str]]]:
    """Return pid, session and arguments of every process that can be read."""
    found = []
    for name in filter(str.isdecimal, (one.name for one in Path("/proc").iterdir())):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{name}/cmdline").read_text(errors="replace").split("\0")
            found.append((int(name), os.getsid(int(name)), words))
    return found

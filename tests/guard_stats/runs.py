"""One guard with a faulty provider, and the delay of its order. No run includes the deployer.

Most runs use the guard's own code in a thread (off-switch, clock, record on disk, sockets); a given share is the
complete guard as a separate process, with the app and an Ollama.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from ert_backend.base.activity import Ledger
from ert_backend.base.claim import Claim
from ert_backend.base.clock import MoneyClock, boot_seconds
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.off_switch import TICK, Switch
from tests.backend.test_guard_process import PACKAGE, TESTS, free_port
from tests.guard_stats.faulty_vast import Fate, FaultyVast
from tests.support.backend.one_board import OneBoard
from tests.support.backend.rig import ENV, KEY

SPEED = 20.0
IDLE, UNCLAIMED, LIFETIME, DRAIN_CAP = 120.0, 160.0, 200.0, 60.0


@dataclass(frozen=True)
class Limits:
    """The rules of one machine, in money seconds."""

    idle: float
    unclaimed: float
    lifetime: float

    def variables(self) -> dict[str, str]:
        return {
            "ERT_IDLE_STOP": str(self.idle),
            "ERT_BOOT_DEADLINE": str(self.unclaimed),
            "ERT_MAX_LIFETIME": str(self.lifetime),
            "ERT_DRAIN_CAP": str(DRAIN_CAP),
            "ERT_CLOCK_SPEED": str(SPEED),
        }


def limits(machine: int) -> Limits:
    """Return limits distributed over one tick of the guard: identical ones could always be due right at a tick."""
    shift = machine * 6.18 % TICK
    return Limits(IDLE + shift, UNCLAIMED + shift, LIFETIME + shift)


PATIENCE = 400.0


@dataclass(frozen=True)
class Late:
    """The delay from when the rule was due until the order was executed, in money seconds; None: it never did."""

    rule: str
    process: bool
    order: str
    seconds: float | None
    calls: int
    early: bool = False


Due = tuple[str, float]


def in_thread(machine: int, rule: str, vast: FaultyVast, folder: Path) -> Late:
    """Run the guard's code in a thread of this process."""
    rules = limits(machine)
    settings = guard_settings.load(environment(machine, vast, folder, rules.variables()))
    board, claim = OneBoard(), Claim(folder, ENV["ERT_TOKEN"])
    if rule == "unclaimed again":
        claim.keep()
    clock = MoneyClock(settings.speed)
    switch = Switch(settings, clock, lambda _: None, lambda _: True, board, claim)
    switch.read_disk()
    order, due = _play(rule, rules, Ledger(board, settings.run, ENV["ERT_TOKEN"], folder), clock)
    thread = threading.Thread(target=switch.run, daemon=True)
    thread.start()
    try:
        return _await(machine, rule, order, due, vast, process=False)
    finally:
        switch.stopping.set()
        thread.join(5)


def _play(rule: str, rules: Limits, ledger: Ledger, clock: MoneyClock) -> tuple[str, float]:
    """Record the activity of the app; return the expected order, and the boot-clock time at which it is due."""
    if rule == "unclaimed":
        return "destroy", clock.origin + rules.unclaimed / SPEED
    if rule == "unclaimed again":
        return "stop", clock.origin + rules.unclaimed / SPEED
    ledger.claim()
    ledger.ready()
    if rule == "lifetime, writing":
        # A report that never completes: it may delay the end by the drain cap at most.
        ledger.begin()
        return "stop", clock.origin + (rules.lifetime + DRAIN_CAP) / SPEED
    assert rule == "idle"
    ledger.begin()
    ledger.end()
    assert ledger.record.work_at is not None
    return "stop", ledger.record.work_at + rules.idle / SPEED


def in_process(machine: int, rule: str, vast: FaultyVast, folder: Path) -> Late:
    """Run the complete guard: `python -m ert_backend.guard`, the app, and a scripted Ollama."""
    # An app needs seconds of real time to start, which are minutes on this clock; only these runs wait for one.
    rules = replace(limits(machine), lifetime=0.0)
    if rule == "idle":
        rules = replace(rules, unclaimed=1200.0)
    port = free_port()
    env = {
        **environment(machine, vast, folder, rules.variables()),
        "ERT_BIND": f"127.0.0.1:{port}",
        "OLLAMA_HOST": f"127.0.0.1:{free_port()}",
        "ERT_OLLAMA_CMD": f"{sys.executable} {TESTS / 'support' / 'doubles' / 'scripted_ollama.py'}",
    }
    started = boot_seconds()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "ert_backend.guard"], env=env, stdout=log, stderr=log)
    try:
        if rule == "unclaimed":
            return _await(machine, rule, "destroy", started + rules.unclaimed / SPEED, vast, process=True)
        due = _claim(folder, port) + rules.idle / SPEED
        return _await(machine, rule, "stop", due, vast, process=True)
    finally:
        process.terminate()
        process.wait(30)


def _claim(folder: Path, port: int) -> float:
    """Use the machine once it is up; return the earliest boot-clock time since when it is idle."""
    claimed: list[float] = []
    idle: list[float] = []

    def used() -> bool:
        asked = boot_seconds()
        with suppress(OSError, httpx.HTTPError, ssl.SSLError):
            tls = ssl.create_default_context(cafile=str(folder / "tls-cert.pem"))
            headers = {"Authorization": f"Bearer {KEY}"}
            with httpx.Client(verify=tls, trust_env=False, headers=headers) as client:
                answer = client.get(f"https://127.0.0.1:{port}/status")
            if answer.status_code == 200:
                claimed.append(asked)
                idle.append(asked - answer.json()["idle_seconds"])
                return bool(answer.json()["status"] == "healthy")
        return False

    _until(used, 60.0)
    return max(claimed[0], idle[-1])


def environment(machine: int, vast: FaultyVast, folder: Path, rules: dict[str, str]) -> dict[str, str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **clean,
        **ENV,
        **rules,
        "PYTHONPATH": str(PACKAGE),
        "ERT_DATA_DIR": str(folder),
        "ERT_VAST_API": vast.url,
        "CONTAINER_ID": str(machine),
        "CONTAINER_API_KEY": f"key-{machine}",
    }


def _await(machine: int, rule: str, order: str, due: float, vast: FaultyVast, *, process: bool) -> Late:
    def fate() -> Fate:
        return vast.fates.get(str(machine), Fate())

    with suppress(TimeoutError):
        _until(lambda: bool(fate().order), due - boot_seconds() + PATIENCE / SPEED)
    found = fate()
    late = (found.at - due) * SPEED if found.order == order else None
    return Late(rule, process, found.order, late, found.calls, early=late is not None and late < -0.5)


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline, pause = boot_seconds() + seconds, threading.Event()
    while not condition():
        if boot_seconds() > deadline:
            raise TimeoutError
        pause.wait(0.02)


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary directory, in memory if possible: a thousand machines use one disk here."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="ert-guards-", dir=memory if memory.is_dir() else None)

"""PID 1 of the GPU container: `python -m ert_backend.guard`. Standard library only.

First the off-switch is armed, before a byte of the model is downloaded; then the engine and the app are started and
kept running. SIGTERM drains the app, ends both and exits 0. It never imports the app: what is wrong there must not
matter here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping

from ert_backend.base import redaction
from ert_backend.base.activity import DRAIN, request_drain
from ert_backend.base.clock import MoneyClock
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.off_switch import Switch
from ert_backend.guard.settings import GuardSettings
from ert_backend.guard.supervisor import Child, Nursery

LOOK = 0.2
OLLAMA_GRACE = 1.5


def log(text: str) -> None:
    """One line for the container's log."""
    sys.stdout.write(f"guard: {redaction.clean(text)}\n")
    sys.stdout.flush()


def main(env: Mapping[str, str]) -> int:
    """Exit status: 0 after SIGTERM, 3 when the off-switch cannot be armed."""
    redaction.HELD.hold_named(env)
    settings = guard_settings.load(env)
    for problem in settings.problems:
        log(problem)
    if settings.enabled and not settings.can_act:
        log("CONTAINER_ID or CONTAINER_API_KEY is missing: the off-switch is NOT armed (ERT_GUARD=off runs without it)")
        return 3
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _prepare(settings)
    app = Child("app", (sys.executable, "-m", "ert_backend"), guard_settings.app_environment(env, settings))
    ollama = Child(settings.engine, settings.ollama, guard_settings.ollama_environment(env, settings))
    switch = Switch(settings, MoneyClock(settings.speed), log, lambda pid: app.alive and app.pid == pid)
    thread = _arm(switch) if settings.enabled else None
    nursery = Nursery((app, ollama), log)
    while not stop.is_set():
        nursery.tend()
        if thread is not None and not thread.is_alive():
            thread = _arm(switch)
        stop.wait(LOOK)
    _shut_down(settings, nursery, app, ollama)
    switch.stopping.set()
    return 0


def _prepare(settings: GuardSettings) -> None:
    """The data folder, without a drain flag of an earlier boot. A disk that refuses is said, and survived."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (settings.run_dir / DRAIN).unlink(missing_ok=True)
    except OSError as error:
        log(f"{settings.data_dir} cannot be used ({error.strerror})")


def _arm(switch: Switch) -> threading.Thread:
    thread = threading.Thread(target=switch.run, name="off-switch", daemon=True)
    thread.start()
    s = switch.settings
    rules = f"idle {s.idle_stop:g} s, unclaimed {s.boot_deadline:g} s, lifetime {s.max_lifetime:g} s"
    log(f"off-switch armed for instance {s.container_id}: {rules}")
    return thread


def _shut_down(settings: GuardSettings, nursery: Nursery, app: Child, ollama: Child) -> None:
    """The app first, so that a report may finish while Ollama still answers."""
    log("asked to stop: draining")
    pause = threading.Event()
    try:
        request_drain(settings.run_dir, settings.run)
    except OSError as error:
        log(f"cannot set the drain flag ({error.strerror})")
    nursery.end(app, settings.term_grace, pause)
    nursery.end(ollama, OLLAMA_GRACE, pause)
    nursery.reap()
    log("stopped")


if __name__ == "__main__":
    sys.exit(main(os.environ))

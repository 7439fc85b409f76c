"""Last message of the guard: tells the apps that this machine is about to end and why, in one small signed message.

Nothing depends on it: it is sent in threads of its own, the order that stops the machine waits for them at most `MOST`,
and no failure has a consequence. The app process, which sees the API keys, derives those that sign it: one for each.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ert_backend.base.activity import Activity
from ert_backend.base.clock import boot_seconds, utc_now
from ert_backend.guard.clouds.calls import send
from ert_backend.guard.clouds.cloud import Call
from ert_backend.guard.rules import Action, Cause
from ert_backend.guard.settings import GuardSettings

PATH, SIGNATURE = "/api/machine/last-message", "X-Ert-Signature"
VERSION = 1
# Money seconds that an order may wait for it, scaled with the clock's speed; with a minimum in real seconds.
MOST, LEAST = 3.0, 0.5
ASKED = "asked"  # the reason if the container got SIGTERM: from its owner, its cloud or its host
_STATES = {Action.STOP: "stopping", Action.DESTROY: "destroying"}

Post = Callable[[str, Call, float], tuple[int, bytes]]


@dataclass(slots=True)
class LastWord:
    """`said`: it was sent since a rule is due, and is not repeated with the order."""

    settings: GuardSettings
    log: Callable[[str], None]
    post: Post = send
    said: bool = False
    _threads: tuple[threading.Thread, ...] = field(default=(), init=False)
    _until: float = field(default=0.0, init=False)

    def say(self, action: Action, cause: Cause, record: Activity | None) -> bool:
        """Send it, and wait at most `MOST`; False if there is nothing to send, or it was sent before."""
        begun = self.begin(action, cause, record)
        self.wait()
        return begun

    def begin(self, action: Action, cause: Cause | None, record: Activity | None) -> bool:
        """Send it without waiting; no cause if the container got SIGTERM. Raises nothing."""
        if self.said or record is None or not (record.word_keys and self.settings.apps):
            return False
        self.said = True
        seconds = max(LEAST, MOST / self.settings.speed)
        self._until = boot_seconds() + seconds
        call = _call(action, cause, record)
        self._threads = tuple(
            thread for app in self.settings.apps if (thread := self._thread(app, call, seconds)) is not None
        )
        return True

    def wait(self) -> None:
        """Wait until it was sent, at most until `MOST` after the beginning."""
        for thread in self._threads:
            thread.join(max(0.0, self._until - boot_seconds()))
        self._threads = ()

    def _thread(self, app: str, call: Call, seconds: float) -> threading.Thread | None:
        """Start to send it to one app; without a thread it is not sent, as it must not delay the order."""
        thread = threading.Thread(target=lambda: self._send(app, call, seconds), name="last message", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            return None
        return thread

    def _send(self, app: str, call: Call, seconds: float) -> None:
        try:
            status, _ = self.post(app, call, seconds)
            trouble = "" if status == 200 else f"status {status}"
        except Exception as error:
            trouble = type(error).__name__
        if trouble:
            self.log(f"an app did not take the last message: {trouble}")


def _call(action: Action, cause: Cause | None, record: Activity) -> Call:
    """Return the message, without a secret. Its time is the wall clock's, by which this machine decides nothing."""
    word = {
        "version": VERSION,
        "state": _STATES[action],
        "reason": ASKED if cause is None else cause.why.value,
        "seconds": None if cause is None else cause.seconds,
        "at": round(utc_now().timestamp(), 3),
        "run": record.run,
        "certificate": record.certificate,
    }
    body = json.dumps(word, separators=(",", ":"), sort_keys=True).encode()
    signed = ", ".join(
        f"v{VERSION}={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}" for key in record.word_keys.split()
    )
    headers = {"Content-Type": "application/json", SIGNATURE: signed, "User-Agent": "ert-guard"}
    return Call("POST", PATH, headers, body)

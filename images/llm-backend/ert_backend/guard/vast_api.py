"""The two calls a machine makes about itself: stop and destroy (docs.vast.ai, instances API). Standard library only.

The key is the instance's own and goes into one header, nowhere else. Only a complete answer that says `success: true`
is success. Each call has one deadline for everything, because a server that trickles never runs into a socket timeout.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from ert_backend.guard.rules import Action
from ert_backend.guard.settings import GuardSettings

# Money seconds, so that a clock that runs faster keeps the proportion; but never so few real ones that no answer fits.
TIMEOUT, LEAST_TIMEOUT = 10.0, 0.5
MAX_ANSWER = 65_536


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the provider said yes, and what to write into the log of it."""

    success: bool
    detail: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def ask(settings: GuardSettings, action: Action, timeout: float | None = None) -> Outcome:
    """Make one call; never raises, and returns within `timeout` real seconds."""
    timeout = max(LEAST_TIMEOUT, TIMEOUT / settings.speed) if timeout is None else timeout
    box: list[Outcome] = []
    thread = threading.Thread(target=lambda: box.append(_call(settings, action, timeout)), daemon=True)
    thread.start()
    thread.join(timeout)
    return box[0] if box else Outcome(False, f"no answer within {timeout:g} s")


def _call(settings: GuardSettings, action: Action, timeout: float) -> Outcome:
    method, body = ("PUT", b'{"state": "stopped"}') if action is Action.STOP else ("DELETE", b"{}")
    headers = {"Authorization": f"Bearer {settings.container_key}", "Content-Type": "application/json"}
    try:
        url = f"{settings.vast_api}/api/v0/instances/{settings.container_id}/"
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - from the environment
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        with opener.open(request, timeout=timeout) as answer:
            return judge(answer.status, answer.read(MAX_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            return Outcome(False, f"status {error.code}")
    except Exception as error:
        return Outcome(False, type(error).__name__)


def judge(status: int, body: bytes) -> Outcome:
    """An answer as an outcome: 200 with a JSON object whose `success` is true, and nothing else, is success."""
    try:
        value = json.loads(body)
    except ValueError:
        return Outcome(False, f"status {status} with something that is not JSON")
    said = value.get("success") if isinstance(value, dict) else None
    return Outcome(status == 200 and said is True, f"status {status}, success {said is True}")

"""Vast client: the calls of a machine about itself, to stop, destroy and show it (docs.vast.ai, instances API).

The key is the instance's own and is sent in one header only. Only a complete response with `success: true` is success.
Each call has one deadline in total, because a slow response never exceeds a socket timeout; if the thread for that
cannot be created, the call is made without a deadline.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ert_backend.base.activity import OffSwitch
from ert_backend.guard.rules import Action
from ert_backend.guard.settings import GuardSettings

# Money seconds, scaled with the clock's speed; with a minimum in real seconds that is enough for a response.
TIMEOUT, LEAST_TIMEOUT = 10.0, 0.5
MAX_ANSWER = 65_536
_AUTH_ERROR = "auth_error"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the order succeeded, and the message for the log. `refused`: the provider does not know the key."""

    success: bool
    detail: str
    refused: bool = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirects, which would send the key to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def ask(settings: GuardSettings, action: Action, timeout: float | None = None) -> Outcome:
    """Send one order; never raises, and returns within `timeout` real seconds."""
    timeout = _seconds(settings) if timeout is None else timeout
    method, body = ("PUT", b'{"state": "stopped"}') if action is Action.STOP else ("DELETE", b"{}")
    late = Outcome(False, f"no response within {timeout:g} s")
    return within(timeout, lambda: _order(settings, method, body, timeout), late)


def read_own(settings: GuardSettings, timeout: float | None = None) -> OffSwitch:
    """Read the own instance and return the state of the switch; never raises, returns within `timeout` real seconds."""
    timeout = _seconds(settings) if timeout is None else timeout
    return within(timeout, lambda: _reading(settings, timeout), OffSwitch.UNKNOWN)


def _seconds(settings: GuardSettings) -> float:
    return max(LEAST_TIMEOUT, TIMEOUT / settings.speed)


def within(timeout: float, call: Callable[[], T], late: T) -> T:
    """Return the result of `call` within `timeout` real seconds, else `late`; without a limit if there is no thread."""
    box: list[T] = []
    thread = threading.Thread(target=lambda: box.append(call()), daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        # No thread can be created: the order matters more than its deadline.
        return call()
    thread.join(timeout)
    return box[0] if box else late


def _order(settings: GuardSettings, method: str, body: bytes, timeout: float) -> Outcome:
    try:
        return judge(*_exchange(settings, method, body, timeout))
    except Exception as error:
        return Outcome(False, type(error).__name__)


def _reading(settings: GuardSettings, timeout: float) -> OffSwitch:
    try:
        return judge_reading(*_exchange(settings, "GET", None, timeout), settings.container_id)
    except Exception:
        return OffSwitch.UNKNOWN


def _exchange(settings: GuardSettings, method: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {settings.container_key}", "Content-Type": "application/json"}
    url = f"{settings.vast_api}/api/v0/instances/{settings.container_id}/" + ("" if body else "?owner=me")
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - from the environment
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_ANSWER)


def judge(status: int, body: bytes) -> Outcome:
    """Parse the response to an order: success requires status 200 and a JSON object whose `success` is true."""
    value = _object(body)
    if value is None:
        return Outcome(False, f"status {status} with something that is not a JSON object")
    said = value.get("success")
    done = status == 200 and said is True
    return Outcome(done, f"status {status}, success {said is True}", refused=not done and _unknown_key(status, value))


def judge_reading(status: int, body: bytes, container_id: str) -> OffSwitch:
    """Parse a reading: only the own instance proves the switch, only an unknown key refuses it."""
    value = _object(body) or {}
    shown = value.get("instances")
    if status == 200 and isinstance(shown, dict) and str(shown.get("id")) == container_id:
        return OffSwitch.PROVEN
    return OffSwitch.REFUSED if _unknown_key(status, value) else OffSwitch.UNKNOWN


def _unknown_key(status: int, value: dict[str, Any]) -> bool:
    """Whether the provider does not know the key, as opposed to a key without permission.

    Vast returns 401, 403 or 404 with `auth_error`, depending on the error in the key.
    """
    return status in (401, 403, 404) and value.get("error") == _AUTH_ERROR


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

"""Calls of the guard to its cloud, and to its apps: one HTTP request with one deadline in total, which never raises.

A slow response never exceeds a socket timeout, so that the deadline is a thread's; if no thread can be created, the
call is made without a deadline.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from ert_backend.base.activity import OffSwitch
from ert_backend.guard.clouds.cloud import Call, Outcome
from ert_backend.guard.rules import Action
from ert_backend.guard.settings import GuardSettings

# Money seconds, scaled with the clock's speed; with a minimum in real seconds that is enough for a response.
TIMEOUT, LEAST_TIMEOUT = 10.0, 0.5
MAX_ANSWER = 65_536

T = TypeVar("T")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirects, which would send the key to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def ask(settings: GuardSettings, action: Action, timeout: float | None = None) -> Outcome:
    """Send one order; never raises, and returns within `timeout` real seconds."""
    timeout = _seconds(settings) if timeout is None else timeout
    late = Outcome(False, f"no response within {timeout:g} s")
    return within(timeout, lambda: _order(settings, action, timeout), late)


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


def _order(settings: GuardSettings, action: Action, timeout: float) -> Outcome:
    try:
        call = settings.cloud.order(action, settings.container_id, settings.container_key)
        return settings.cloud.judge(*send(settings.cloud_url, call, timeout))
    except Exception as error:
        return Outcome(False, type(error).__name__)


def _reading(settings: GuardSettings, timeout: float) -> OffSwitch:
    try:
        call = settings.cloud.reading(settings.container_id, settings.container_key)
        return settings.cloud.judge_reading(*send(settings.cloud_url, call, timeout), settings.container_id)
    except Exception:
        return OffSwitch.UNKNOWN


def send(url: str, call: Call, timeout: float) -> tuple[int, bytes]:
    """Send one call and return status and body; `timeout` is for each wait. Raises OSError or HTTPException."""
    request = urllib.request.Request(  # noqa: S310 - from the environment
        url + call.path, data=call.body, headers=dict(call.headers), method=call.method
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_ANSWER)

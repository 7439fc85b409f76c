"""Backend readiness: polls the public health route, at most once every `CACHE_S` seconds.

Concurrent callers use a single request. `/health` does not use it, as it must respond while the backend is down.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any, cast

from typing_extensions import TypedDict

from ert_dashboard.backend import protocol
from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.errors import BackendError
from ert_dashboard.backend.fleet import Fleet
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt, Interrupted

CACHE_S = 5.0
_PROBE_S = 8.0


class BackendHealth(TypedDict, total=False):
    """The fields of the backend's health that may be displayed; none when it does not respond."""

    status: str
    model: str
    ollama_status: str
    engine: str
    version: str
    progress: str


@dataclass(frozen=True)
class Readiness:
    """Result of a poll, and its duration in `seconds`.

    `reason` is one line; `backend` has the fields of its health to display.
    """

    ready: bool
    reason: str
    checked: float
    backend: BackendHealth = field(default_factory=BackendHealth)
    seconds: float = 0.0


class ReadinessProbe:
    """Readiness check that caches its result for `CACHE_S`. `problem` is the reason when no backend is configured.

    `left_out` are lines on sets of variables that cannot be used beside the others.
    """

    def __init__(self, fleet: Fleet | None, problem: str | None, clock: Clock, left_out: tuple[str, ...] = ()) -> None:
        self._fleet = fleet
        self._problem = problem or "no LLM backend is configured for this dashboard"
        self._clock = clock
        self._left_out = left_out
        self._lock = threading.Lock()
        self._last: tuple[float, Readiness] | None = None

    def look(self) -> Readiness:
        """Return the state of the backend, at most `CACHE_S` old; blocks for at most a few seconds."""
        if self._fleet is None:
            return Readiness(ready=False, reason=self._problem, checked=self._clock.wall())
        with self._lock:
            if self._last is None or self._clock.monotonic() - self._last[0] > CACHE_S:
                self._last = (self._clock.monotonic(), self._probe(self._fleet))
            return self._last[1]

    def _probe(self, fleet: Fleet) -> Readiness:
        found = self._probed(fleet.shown().client)
        counts = fleet.counts()
        reason = found.reason
        if found.ready and counts.up and counts.of > 1:
            reason = f"ready, {counts.up} of {counts.of} backends are up"
        return replace(found, reason="; ".join((reason, *self._left_out)))

    def _probed(self, client: BackendClient) -> Readiness:
        now, begun = self._clock.wall(), self._clock.monotonic()
        try:
            with Interrupt() as interrupt:
                interrupt.limit(_PROBE_S)
                status, health = client.health(interrupt)
        except BackendError as error:
            return Readiness(ready=False, reason=str(error), checked=now)
        except Interrupted:
            return Readiness(ready=False, reason="the backend stopped responding", checked=now)
        ready = status == 200 and health.get("status") in ("healthy", "online")
        reason = "ready" if ready else f"the backend is {protocol.boot_text(health)}"
        took = self._clock.monotonic() - begun
        return Readiness(ready=ready, reason=reason, checked=now, backend=_shown(health), seconds=took)


def _shown(health: dict[str, Any]) -> BackendHealth:
    """Return the fields to display, as short strings."""
    shown: dict[str, str] = {}
    for name in ("status", "model", "ollama_status", "engine", "version"):
        text = protocol.error_text(health.get(name))
        if text is not None:
            shown[name] = text
    if isinstance(health.get("progress"), dict):
        shown["progress"] = protocol.boot_text(health)
    return cast(BackendHealth, shown)

"""Control API, on loopback: read the bill and the state, inject faults, stop.

It is not part of a provider; its key is in `world.json`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from ert_deploy.sandbox.httpd.faults import Fault, Faults
from ert_deploy.sandbox.httpd.server import Handler, Reply, Request, Router, Server
from ert_deploy.sandbox.runtime.clock import WorldClock, rfc3339
from ert_deploy.sandbox.world.kinds import kinds


class Troubled(Protocol):
    """A provider that supports fault injection."""

    @property
    def faults(self) -> Faults: ...

    def trouble(self, what: dict[str, Any], /) -> Any: ...

    def end_trouble(self, kind: str, /) -> Any: ...

    def active_troubles(self) -> set[str]: ...


class BillSheet(Protocol):
    """The current bill."""

    def as_dict(self) -> dict[str, Any]: ...


class Renting(Troubled, Protocol):
    """The methods of `VastDouble` that are used here."""

    def bill(self) -> BillSheet: ...

    def instances(self) -> Any: ...


class Hosting(Troubled, Protocol):
    """The methods of `RenderDouble` that are used here."""

    def inspect(self) -> Any: ...


class Refused(Exception):
    """An invalid request; the message is returned with a 400."""


class ControlServer:
    """Serves on an available port from `start` to `stop`. `ask_stop` is called for a request to stop the sandbox."""

    def __init__(self, clock: WorldClock, vast: Renting, render: Hosting, ask_stop: Callable[[], None]) -> None:
        self.key = secrets.token_urlsafe(32)
        self._clock, self._vast, self._render, self._ask_stop = clock, vast, render, ask_stop
        router = Router(self._guarded)
        router.add("GET", "/bill", "bill", self._bill)
        router.add("GET", "/state", "state", self._state)
        router.add("POST", "/faults", "faults", self._faults)
        router.add("GET", "/trouble", "list_trouble", self._list_trouble)
        router.add("POST", "/trouble", "trouble", self._trouble)
        router.add("POST", "/stop", "stop", self._stop)
        self._server = Server(router)

    @property
    def url(self) -> str:
        """Base URL, not ending in `/`."""
        return self._server.url

    def start(self) -> ControlServer:
        """Start the server and return it."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Close the port."""
        self._server.stop()

    def _guarded(self, request: Request, handler: Handler) -> Reply:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.key}".encode()):
            return Reply.json({"error": "unauthorized"}, 401)
        try:
            return handler(request)
        except (Refused, ValueError, KeyError, TypeError) as error:
            return Reply.json({"error": str(error)}, 400)

    def _bill(self, _: Request) -> Reply:
        return Reply.json(self._vast.bill().as_dict())

    def _state(self, _: Request) -> Reply:
        now = self._clock.now()
        state = {
            "now": now,
            "time": rfc3339(now),
            "speed": self._clock.speed,
            "machines": self._vast.instances(),
            "services": self._render.inspect(),
            "faults": {"vast": self._vast.faults.pending(), "render": self._render.faults.pending()},
            "bill": self._vast.bill().as_dict(),
        }
        return Reply.json(state)

    def _faults(self, request: Request) -> Reply:
        side, order = self._order(request)
        if order.pop("clear", False):
            side.faults.clear()
        if order:
            side.faults.add(Fault.parse(order))
        return Reply.json({"pending": side.faults.pending()})

    def _trouble(self, request: Request) -> Reply:
        side, order = self._order(request)
        if order.pop("end", False):
            side.end_trouble(str(order.get("kind")))
        else:
            side.trouble(order)
        return Reply.json({"ok": True})

    def _list_trouble(self, _: Request) -> Reply:
        on = {"vast": self._vast.active_troubles(), "render": self._render.active_troubles()}
        return Reply.json({"kinds": [{**asdict(one), "on": one.kind in on[one.provider]} for one in kinds()]})

    def _stop(self, _: Request) -> Reply:
        self._ask_stop()
        return Reply.json({"stopping": True}, 202)

    def _order(self, request: Request) -> tuple[Troubled, dict[str, Any]]:
        order = request.json()
        if not isinstance(order, dict):
            raise Refused("the body must be a JSON object")
        sides: dict[str, Troubled] = {"vast": self._vast, "render": self._render}
        provider = order.pop("provider", None)
        if provider not in sides:
            raise Refused(f"provider must be one of {', '.join(sides)}, not {provider!r}")
        return sides[provider], order

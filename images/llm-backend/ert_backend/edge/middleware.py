"""Request filter: an ASGI middleware that checks method, path and key before a byte of the body is read.

Order: route allow-list, rates, key (by hash, in constant time), declared size, actual size under one deadline, clean
JSON. A dependency of the framework would run after the body was parsed, which exposes the parser to unauthenticated
clients. Every invalid key gets the same response, byte for byte. Every response has a deadline, and no error contains
the client's input.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from ert_backend.base.http_error import App, Receive, Refused, Scope, Send, answer
from ert_backend.base.routes import Route, find
from ert_backend.edge.access_log import Visit, Witness
from ert_backend.edge.auth import Gate
from ert_backend.edge.body import BadBody, normalise

_log = logging.getLogger("ert_backend.door")
WITH_BODY = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """Maximum bytes of a body; deadlines in seconds for a body, a response, and a response that waits for a report."""

    max_body: int
    body_deadline: float
    answer_deadline: float
    report_deadline: float


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Wraps `app`. `on_authenticated` runs for each request with a valid key, before its body is read."""

    app: App
    gate: Gate
    bounds: Bounds
    witness: Witness
    on_authenticated: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point. WebSockets are rejected; lifespan events are passed on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = find(scope["path"])
        visit = self.witness.arrived(scope["method"], route)

        async def noted(message: MutableMapping[str, Any]) -> None:
            visit.status = message.get("status", visit.status)
            await send(message)

        try:
            await self._within(self._serve(scope, receive, noted, visit), visit, route)
        except Refused as refusal:
            visit.reason = refusal.reason
            await answer(noted, refusal, scope["path"])
        finally:
            self.witness.left(visit)

    async def _within(self, serving: Any, visit: Visit, route: Route) -> None:
        """Serve within the deadline. A response that has started can only be closed, otherwise Refused is raised."""
        seconds = self.bounds.report_deadline if route.waits else self.bounds.answer_deadline
        try:
            async with asyncio.timeout(seconds):
                await serving
        except TimeoutError:
            if not visit.status:
                raise Refused(503, "The response timed out", "deadline", {"retry-after": "15"}) from None
        except Refused:
            raise
        except Exception:
            _log.exception("a response failed")
            if not visit.status:
                raise Refused(500, "Internal error", "error") from None

    async def _serve(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        visit.who = self.gate.admit(scope, visit.route)
        if visit.who is not None:
            scope["ert.key_id"] = visit.who
            self.on_authenticated()
        if scope["method"] in WITH_BODY:
            body = await self._body(scope["headers"], receive)
            scope = {**scope, "headers": _as_json(scope["headers"], len(body))}
            receive = _replay(body, receive)
        await self.app(scope, receive, send)

    async def _body(self, headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
        self._declared(headers)
        try:
            async with asyncio.timeout(self.bounds.body_deadline):
                raw = await self._collect(receive)
        except TimeoutError:
            raise Refused(408, "The body timed out", "slow body") from None
        try:
            return normalise(raw)
        except BadBody as error:
            problem = {"loc": ["body"], "msg": str(error), "type": "json_invalid"}
            raise Refused(422, [problem], "body") from None

    def _declared(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Check the declared body: a length or chunks, not both; no content encoding; not too large."""
        said = {name.lower(): value for name, value in headers}
        length = said.get(b"content-length")
        if length is not None and b"transfer-encoding" in said:
            raise Refused(400, "A length and a transfer coding", "framing")
        if said.get(b"content-encoding", b"identity").strip().lower() not in {b"identity", b""}:
            raise Refused(415, "The body must not be packed", "encoding")
        if length is not None and (not length.isdigit() or int(length[:20]) > self.bounds.max_body):
            raise self._too_large()

    async def _collect(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The body ended early", "framing")
            part = message.get("body", b"")
            self.witness.metrics.body_bytes.inc(len(part))
            body += part
            if len(body) > self.bounds.max_body:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self.bounds.max_body} bytes", "size")


def _as_json(headers: Iterable[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    dropped = {b"content-type", b"content-length", b"transfer-encoding"}
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    return [*kept, (b"content-type", b"application/json"), (b"content-length", str(length).encode())]


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields the whole body once and then the events of the connection (a disconnect)."""
    waiting = [body]

    async def replayed() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed

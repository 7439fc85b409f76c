"""The first thing a request meets: a pure ASGI layer that decides by method, path and key, before a body byte is read.

Order: allow-list of routes, key (by hash, constant work), declared size, counted body under one deadline, clean JSON.
A framework's own dependency would run after the body was read and parsed, which hands strangers a parser.
Every bad key gets the same answer, byte for byte.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ert_backend.body import BadBody, normalise

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JOB_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
OPEN_PATHS = frozenset({"/", "/health", "/identity"})
KEYED: tuple[tuple[str, frozenset[str]], ...] = (
    (r"/status", frozenset({"GET"})),
    (r"/generate_report", frozenset({"POST"})),
    (r"/reports", frozenset({"POST"})),
    (rf"/reports/{JOB_ID}", frozenset({"GET", "DELETE"})),
    (rf"/reports/{JOB_ID}/events", frozenset({"GET"})),
    (r"/v1/models", frozenset({"GET"})),
    (r"/v1/chat/completions", frozenset({"POST"})),
)


class Access(Enum):
    """What the allow-list says of a method and a path."""

    OPEN = "open"
    KEYED = "keyed"
    WRONG_METHOD = "wrong method"
    UNKNOWN = "unknown"


class Refused(Exception):
    """An answer instead of the app's: a status and a detail."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(status)
        self.status, self.detail = status, detail


def access(method: str, path: str) -> Access:
    """The allow-list."""
    if path in OPEN_PATHS:
        return Access.OPEN if method == "GET" else Access.WRONG_METHOD
    for pattern, methods in KEYED:
        if re.fullmatch(pattern, path):
            return Access.KEYED if method in methods else Access.WRONG_METHOD
    return Access.UNKNOWN


def key_id(headers: Iterable[tuple[bytes, bytes]], accepted: Iterable[bytes]) -> str | None:
    """The first 8 hex digits of the accepted hash the caller's key has; None for every other caller.

    Exactly one Authorization header with the Bearer scheme counts. All accepted hashes are compared, always.
    """
    given = [value for name, value in headers if name.lower() == b"authorization"]
    scheme, _, token = (given[0] if len(given) == 1 else b"").partition(b" ")
    digest = hashlib.sha256(token.strip(b" ")).digest()
    matches = [known for known in accepted if hmac.compare_digest(digest, known)]
    return matches[0].hex()[:8] if matches and scheme.lower() == b"bearer" else None


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Wraps `app`. `on_authenticated` runs for each request with a good key, before its body is read."""

    app: App
    key_hashes: tuple[bytes, ...] = field(repr=False)
    max_body: int
    body_deadline: float
    on_authenticated: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry. WebSockets are refused; the lifespan goes through."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._admit(scope)
            if scope["method"] == "POST":
                body = await self._body(scope, receive)
                scope = {**scope, "headers": _as_json(scope["headers"], len(body))}
                receive = _replay(body, receive)
        except Refused as refusal:
            await _answer(send, refusal)
        else:
            await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        verdict = access(scope["method"], scope["path"])
        if verdict is Access.UNKNOWN:
            raise Refused(404, "Not Found")
        if verdict is Access.WRONG_METHOD:
            raise Refused(405, "Method Not Allowed")
        if verdict is Access.KEYED:
            holder = key_id(scope["headers"], self.key_hashes)
            if holder is None:
                raise Refused(401, "Invalid API key")
            scope["ert.key_id"] = holder
            self.on_authenticated()

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        declared = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
        if declared and (not declared[0].isdigit() or int(declared[0][:20]) > self.max_body):
            raise Refused(413, f"The body is larger than {self.max_body} bytes")
        try:
            async with asyncio.timeout(self.body_deadline):
                raw = await self._collect(receive)
        except TimeoutError:
            raise Refused(408, "The body took too long") from None
        try:
            return normalise(raw)
        except BadBody as error:
            raise Refused(422, [{"loc": ["body"], "msg": str(error), "type": "json_invalid"}]) from None

    async def _collect(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The body ended early")
            body += message.get("body", b"")
            if len(body) > self.max_body:
                raise Refused(413, f"The body is larger than {self.max_body} bytes")
            if not message.get("more_body", False):
                return bytes(body)


def _as_json(headers: Iterable[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    dropped = {b"content-type", b"content-length", b"transfer-encoding"}
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    return [*kept, (b"content-type", b"application/json"), (b"content-length", str(length).encode())]


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the whole body once and then what the connection says (a disconnect)."""
    waiting = [body]

    async def replayed() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


async def _answer(send: Send, refusal: Refused) -> None:
    """Send a refusal and close: what is left of the request is not read."""
    body = json.dumps({"detail": refusal.detail}, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

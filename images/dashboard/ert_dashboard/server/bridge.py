"""ASGI to WSGI: reads a request in full without a thread, then calls the Flask app in one of a few.

Requests and responses of the dashboard are small and known in full, so nothing is streamed.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ert_dashboard.auth.middleware import Wsgi

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[str, str]]
Result = TypeVar("Result")
_THREADS = 40
_MOST_QUEUED = 400


class Disconnected(Exception):
    """The client left before its request was complete."""


class Overloaded(Exception):
    """More calls wait for a thread than will be answered in time."""


class TooLarge(Exception):
    """The body is larger than any that the app accepts."""


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: Headers
    body: bytes


def refusal(status: int, message: str, *more: tuple[str, str]) -> Answer:
    """Return an error in the form of the app's own."""
    body = json.dumps({"success": False, "error": message}).encode()
    kind = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    return Answer(status, [*kind, *more], body)


class Bridge:
    """ASGI application for HTTP requests. `quick` paths have threads of their own, which slow calls cannot use up.

    Bodies have at most `largest_body` bytes, on the paths of `smaller` those bytes.
    """

    def __init__(self, app: Wsgi, *, largest_body: int, smaller: Mapping[str, int], quick: frozenset[str]) -> None:
        self._app = app
        self._largest = largest_body
        self._smaller = smaller
        self._quick = quick
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="request")
        self._quick_pool = ThreadPoolExecutor(2, thread_name_prefix="health")
        self._busy = 0

    def close(self) -> None:
        """Let the threads end; requests that still wait for one are dropped."""
        for pool in (self._pool, self._quick_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, call: Callable[[], Result]) -> Result:
        """Return what `call` returns in a thread of the app; raise `Overloaded` if too many calls wait for one."""
        if self._busy >= _MOST_QUEUED:
            raise Overloaded
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self._busy -= 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except Disconnected:
            return
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            body = await _body(scope, receive, self._smaller.get(scope["path"], self._largest))
        except TooLarge:
            # The rest of the body is not read, so the connection cannot be used again.
            return refusal(413, "the request is too large", ("Connection", "close"))
        environ = environ_of(scope, body)
        if scope["path"] in self._quick:
            return await asyncio.get_running_loop().run_in_executor(self._quick_pool, self._call, environ)
        try:
            return await self.run(lambda: self._call(environ))
        except Overloaded:
            return refusal(503, "the dashboard is busy, try again later", ("Retry-After", "5"))

    def _call(self, environ: dict[str, Any]) -> Answer:
        return called(self._app, environ)


def called(app: Wsgi, environ: dict[str, Any]) -> Answer:
    """Return the whole response of an app to one request."""
    started: list[tuple[int, Headers]] = []

    def start_response(status: str, headers: Headers, *_: Any) -> Callable[[bytes], None]:
        started.append((int(status.split(" ", 1)[0]), headers))
        return _no_write

    parts = app(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return Answer(status, headers, body)


def environ_of(scope: Scope, body: bytes = b"") -> dict[str, Any]:
    """Return the `environ` of a request or WebSocket."""
    server, client = scope.get("server") or ("", 0), scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.get("method", "GET"),
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "replace").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0] or "localhost",
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if scope["scheme"] in ("https", "wss") else "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in _headers_of(scope):
        environ[name] = f"{environ[name]}{'; ' if name == 'HTTP_COOKIE' else ','}{value}" if name in environ else value
    return environ


def _headers_of(scope: Scope) -> Iterable[tuple[str, str]]:
    """Yield the headers as `environ` names them, but those with an underscore: they would get the name of others."""
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        prefix = "" if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_"
        yield prefix + key, value.decode("latin-1")


async def _body(scope: Scope, receive: Receive, largest: int) -> bytes:
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if declared.isdigit() and int(declared[:20]) > largest:
        raise TooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > largest:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def _no_write(_: bytes) -> None:
    raise NotImplementedError("the dashboard returns its responses")

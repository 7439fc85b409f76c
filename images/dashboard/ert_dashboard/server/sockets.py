"""Live updates over WebSockets that cost no thread: the events of `web.live` through python-socketio's AsyncServer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import socketio
from werkzeug.wrappers import Response

from ert_dashboard.auth.middleware import SESSION
from ert_dashboard.server.bridge import Answer, Bridge, Overloaded, Receive, Scope, Send, called, environ_of, refusal
from ert_dashboard.storage.interface import StoreTrouble
from ert_dashboard.storage.job import Job
from ert_dashboard.web.live import LARGEST_FRAME, TOO_MANY, Watchers, events_of
from ert_dashboard.web.service import Service

if TYPE_CHECKING:
    from ert_dashboard.web.channel import Channel

_LOG = logging.getLogger(__name__)
Gate = Callable[[dict[str, Any]], Response | None]


class AsyncLive:
    """Socket.IO server of this process, on the event loop that serves its requests."""

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self._service = service
        self._loop = loop
        self._in_thread = asyncio.to_thread
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            always_connect=True,  # otherwise the first status is sent before the acknowledgement
            cors_allowed_origins="*",  # `SocketGate` has checked it, by the rule for all requests
            transports=["websocket"],
            max_http_buffer_size=LARGEST_FRAME,
            cookie=None,
        )
        sessions = service.sessions
        self._watchers = Watchers(self._hang_up, lambda key: sessions is None or sessions.holds(key))
        self._server.on("connect", self._greet)
        self._server.on("disconnect", self._left)
        self._server.on("request_status", self._send_status)
        service.desk.listen(self._send_change)
        if service.channel is not None:
            channel = service.channel
            # The changes that a worker makes come through the store, without a look at the logins here.
            service.desk.each_round(self._watchers.check)
            service.desk.told_directly(lambda: channel.live)
            threading.Thread(target=self._hear, args=(channel,), name="channel-in", daemon=True).start()

    def end(self, key: str) -> None:
        """Close the connections of one login session."""
        self._watchers.end(key)

    def leave(self) -> None:
        """Nothing to do: the server closes its connections when it stops."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until it is closed."""
        await self._server.handle_request(scope, receive, send)

    async def _greet(self, sid: str, environ: dict[str, Any], *_: Any) -> None:
        self._watchers.came(sid, environ["asgi.scope"].get(SESSION))
        await self._tell(sid)

    async def _left(self, sid: str, *_: Any) -> None:
        self._watchers.left(sid)

    async def _send_status(self, sid: str, *_: Any) -> None:
        with contextlib.suppress(StoreTrouble):
            await self._in_thread(self._watchers.check)
        await self._tell(sid)

    async def _tell(self, sid: str) -> None:
        try:
            status = await self._in_thread(self._service.status)
        except StoreTrouble as error:
            _LOG.warning("a page is not told the status, it will ask for it: %s", error)
            return
        await self._server.emit("status_update", status, to=sid)

    def _send_change(self, job: Job) -> None:
        self._watchers.check()
        for name, body in events_of(self._service, job):
            self._soon(self._server.emit(name, body))
            if self._service.channel is not None:
                self._service.channel.manager.emit(name, body, namespace="/")  # to the other processes

    def _hear(self, channel: Channel) -> None:
        """Pass on what other processes send, until the channel is closed."""
        for message in channel.messages():
            if message.get("method") == "emit" and isinstance(message.get("data"), list) and message["data"]:
                self._soon(self._server.emit(message.get("event"), message["data"][0]))

    def _hang_up(self, sid: str) -> None:
        self._soon(self._server.disconnect(sid))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it on the event loop, from any thread; not at all once the loop is closed."""
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()


class SocketGate:
    """ASGI application: lets a WebSocket in by the same rules as a request, and at most `most` at once."""

    def __init__(self, live: AsyncLive, gate: Gate, bridge: Bridge, most: int) -> None:
        self._live = live
        self._gate = gate
        self._bridge = bridge
        self._most = most
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._open += 1
        try:
            refused = await self._refused(scope)
            if refused is None:
                await self._live.handle(scope, receive, send)
            else:
                await receive()
                await _refuse(refused, send)
        finally:
            self._open -= 1

    async def _refused(self, scope: Scope) -> Answer | None:
        if not scope["path"].startswith("/socket.io"):
            return refusal(404, "Not Found")
        if self._open > self._most:
            return refusal(429, TOO_MANY, ("Retry-After", "30"))
        environ = environ_of(scope)
        try:
            found = await self._bridge.run(lambda: self._gate(environ))
        except Overloaded:
            return refusal(503, "the dashboard is busy, try again later", ("Retry-After", "5"))
        scope[SESSION] = environ.get(SESSION)
        return None if found is None else called(found, environ)


async def _refuse(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})

"""Live updates over Socket.IO with ERT's event names. `GET /api/reports/<id>` is authoritative; frames are small.

`AccessMiddleware` rejects the connections of other sites, by the rule for all requests, and authenticates the others; a
connection is closed when its login session ends.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from flask import Flask, request
from flask_socketio import SocketIO, emit

from ert_dashboard.auth.middleware import SESSION, Wsgi
from ert_dashboard.storage.job import Job, Status
from ert_dashboard.web.bodies import ReportCompleted, ReportUpdate
from ert_dashboard.web.service import Service

LARGEST_FRAME = 16 * 1024
TOO_MANY = "too many live connections, poll instead"


class Watchers:
    """Registry of the live connections of each login session."""

    def __init__(self, hang_up: Callable[[str], None], holds: Callable[[str], bool]) -> None:
        self._hang_up = hang_up
        self._holds = holds
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}

    def came(self, sid: str, key: str | None) -> None:
        if key is not None:
            with self._lock:
                self._keys[sid] = key

    def left(self, sid: str) -> None:
        with self._lock:
            self._keys.pop(sid, None)

    def end(self, key: str) -> None:
        """Disconnect all clients of one login session."""
        self._end_those(lambda theirs: theirs == key)

    def check(self) -> None:
        """Disconnect all clients whose session has expired."""
        with self._lock:
            keys = set(self._keys.values())
        over = {key for key in keys if not self._holds(key)}
        if over:
            self._end_those(lambda theirs: theirs in over)

    def _end_those(self, chosen: Callable[[str], bool]) -> None:
        with self._lock:
            gone = [sid for sid, key in self._keys.items() if chosen(key)]
            for sid in gone:
                del self._keys[sid]
        for sid in gone:
            self._hang_up(sid)


class Live(Protocol):
    """Live updates of one process: the Socket.IO server that pages are connected to."""

    def end(self, key: str) -> None:
        """Disconnect the clients of one login session."""

    def leave(self) -> None:
        """Close all connections, so that the server can exit at once."""


class ThreadedLive:
    """Socket.IO in the threads of the server, one for each page."""

    def __init__(self, socketio: SocketIO, end: Callable[[str], None]) -> None:
        self.socketio = socketio
        self._end = end

    def end(self, key: str) -> None:
        self._end(key)

    def leave(self) -> None:
        server = self.socketio.server.eio
        for page in list(server.sockets.values()):
            # Without waiting: a client that is disconnecting never reads its queue, and would block this loop.
            page.close(wait=False, reason=server.reason.SERVER_DISCONNECT)


def attach(app: Flask, service: Service) -> ThreadedLive:
    """Attach Socket.IO to `app` and send every change of a job to all clients."""
    channel = service.channel
    several: dict[str, Any] = {}
    if channel is not None:
        # A poll may reach another process than the one that holds its session; a WebSocket stays where it is.
        several = {"client_manager": channel.manager, "transports": ["websocket"]}
    socketio = SocketIO(
        app,
        async_mode="threading",  # the default would use an installed eventlet or gevent
        always_connect=True,  # otherwise the first status is sent before the acknowledgement
        cors_allowed_origins="*",  # `AccessMiddleware` has checked it
        max_http_buffer_size=LARGEST_FRAME,
        manage_session=False,
        cookie=None,
        serve_client=False,
        **several,
    )

    if channel is not None:  # otherwise only with the first page
        socketio.server.manager_initialized = True
        channel.manager.initialize()
    sessions = service.sessions

    def hang_up(sid: str) -> None:
        # In a background thread: the call blocks until the client reads its queue, which a lost client never does.
        socketio.start_background_task(socketio.server.disconnect, sid)

    watchers = Watchers(hang_up, lambda key: sessions is None or sessions.holds(key))

    def greet(*_: object) -> None:
        watchers.came(request.sid, request.environ.get(SESSION))  # type: ignore[attr-defined]
        emit("status_update", service.status(), ignore_queue=True)

    def send_status(*_: object) -> None:
        watchers.check()
        emit("status_update", service.status(), ignore_queue=True)

    def left(*_: object) -> None:
        watchers.left(request.sid)  # type: ignore[attr-defined]

    def send_change(job: Job) -> None:
        watchers.check()
        for name, body in events_of(service, job):
            socketio.emit(name, body)

    socketio.on_event("connect", greet)
    socketio.on_event("disconnect", left)
    socketio.on_event("request_status", send_status)
    service.desk.listen(send_change)
    if channel is not None:
        # The changes that a worker makes come through the store, without a look at the logins here.
        service.desk.each_round(watchers.check)
        service.desk.told_directly(lambda: channel.live)
    return ThreadedLive(socketio, watchers.end)


def events_of(service: Service, job: Job) -> list[tuple[str, ReportUpdate | ReportCompleted]]:
    """Return the events that tell of a change of a job, each with its name."""
    data = service.data(job)
    changed: ReportUpdate = {"report_id": job.report_id, "data": data}
    if not job.over:
        return [("report_update", changed)]
    success = job.status is Status.COMPLETED
    ended: ReportCompleted = {"report_id": job.report_id, "success": success, "data": data}
    return [("report_update", changed), ("report_completed", ended)]


class SocketLimit:
    """WSGI middleware: at most `most` concurrent requests below `/socket.io/`, so that pages cannot use all threads."""

    def __init__(self, inner: Wsgi, most: int) -> None:
        self._inner = inner
        self._free = threading.BoundedSemaphore(most)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/socket.io"):
            return self._inner(environ, start_response)
        if not self._free.acquire(blocking=False):
            body = json.dumps({"success": False, "error": TOO_MANY}).encode()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Retry-After", "30")]
            start_response("429 Too Many Requests", headers)
            return [body]
        try:
            return self._inner(environ, start_response)  # for a WebSocket, the call lasts as long as the connection
        finally:
            self._free.release()

"""Live updates over Socket.IO under ERT's event names. The truth stays with `GET /api/reports/<id>`; frames are small.

Pages of other sites are refused by the library's same-host rule (no list of allowed origins is given to it).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from flask_socketio import SocketIO, emit

from ert_dashboard.job import Job, Status
from ert_dashboard.service import Service

_LARGEST_FRAME = 16 * 1024
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def attach(app: Flask, service: Service) -> SocketIO:
    """Put Socket.IO beside `app` and send every change of a report to all pages."""
    socketio = SocketIO(
        app,
        async_mode="threading",  # without it, an installed eventlet or gevent would be picked
        always_connect=True,  # else the first status would arrive before the acknowledged connection
        max_http_buffer_size=_LARGEST_FRAME,
        manage_session=False,
        cookie=None,
        serve_client=False,
    )

    def send_status(*_: object) -> None:
        emit("status_update", service.status())

    def send_change(job: Job) -> None:
        data = service.data(job)
        socketio.emit("report_update", {"report_id": job.report_id, "data": data})
        if job.over:
            ended = {"report_id": job.report_id, "success": job.status is Status.COMPLETED, "data": data}
            socketio.emit("report_completed", ended)

    socketio.on_event("connect", send_status)
    socketio.on_event("request_status", send_status)
    service.desk.listen(send_change)
    return socketio


class SocketLimit:
    """WSGI layer: at most `most` requests below /socket.io/ at a time, so that open pages cannot use up all threads."""

    def __init__(self, inner: Wsgi, most: int) -> None:
        self._inner = inner
        self._free = threading.BoundedSemaphore(most)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/socket.io"):
            return self._inner(environ, start_response)
        if not self._free.acquire(blocking=False):
            body = b'{"success":false,"error":"too many live connections, poll instead"}'
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Retry-After", "30")]
            start_response("429 Too Many Requests", headers)
            return [body]
        try:
            return self._inner(environ, start_response)  # a WebSocket lives inside this call
        finally:
            self._free.release()

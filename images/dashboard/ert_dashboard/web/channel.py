"""Live channel: carries the Socket.IO events of each process to the pages of all, through Redis or Valkey.

Events are hints, and a lost one does no harm: `GET /api/status` is authoritative, and pages ask for it now and then.
Therefore no thread ever waits for the key value store: events are queued, and dropped when the queue is full. Each
listening process hears its own heartbeat through the store; while it does not, `live` is false, and the pages are told.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import threading
from collections.abc import Iterator
from typing import Any

import redis
from socketio import PubSubManager

from ert_dashboard.base import redaction
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.secret import Secret

_LOG = logging.getLogger(__name__)
_WAIT_S = 2.0  # for one command of the store
_BEAT_S = 2.0
_SILENT_S = 3 * _BEAT_S
_AGAIN_S = 1.0
_QUEUED = 1000  # events
_BEAT = "heartbeat"
_NAME = "ert-dashboard"
_END = ""


class Channel:
    """Client of the store. `manager` is what python-socketio needs; `write_only`: this process has no pages."""

    def __init__(self, url: Secret, clock: Clock, *, write_only: bool = False) -> None:
        """Prepare the channel without connecting; raise ValueError for a URL that is none."""
        self.manager: Any = PubSubManager(channel=_NAME, write_only=write_only, logger=_LOG)
        self.manager._publish = self._publish
        self.manager._listen = self.messages
        self._write_only = write_only
        self._url = url
        self._clock = clock
        self._out: queue.Queue[str] = queue.Queue(_QUEUED)
        self._heard = clock.monotonic() - _SILENT_S
        self._over = threading.Event()
        self._sender = self._client()
        self._sending = threading.Thread(target=self._send, name="channel", daemon=True)
        self._sending.start()

    @property
    def live(self) -> bool:
        """Whether the store carries events now; always true for a process that only sends."""
        return self._write_only or self._clock.monotonic() - self._heard < _SILENT_S

    def close(self) -> None:
        """Stop sending and listening; what is queued is dropped."""
        self._over.set()
        with contextlib.suppress(queue.Full):
            self._out.put_nowait(_END)
        self._sending.join(2 * _WAIT_S)

    def _client(self) -> Any:
        return redis.Redis.from_url(
            self._url.reveal(), socket_connect_timeout=_WAIT_S, socket_timeout=_WAIT_S, client_name="ert-dashboard"
        )

    def _publish(self, data: dict[str, Any]) -> None:
        try:
            self._out.put_nowait(json.dumps(data))
        except queue.Full:
            _LOG.debug("the store is too slow, an event is dropped")

    def _beat(self) -> None:
        self._publish({"method": _BEAT, "host_id": self.manager.host_id})

    def _send(self) -> None:
        """Send the queued events, and a heartbeat in each pause."""
        well = True
        while not self._over.is_set():
            try:
                message = self._out.get(timeout=_BEAT_S)
            except queue.Empty:
                self._beat()
                continue
            if message == _END:
                continue
            try:
                self._sender.publish(_NAME, message)
                well = True
            except redis.RedisError as error:
                if well:
                    _LOG.warning("the key value store cannot be used: %s", redaction.clean(str(error)))
                well = False
                self._drop()
                self._over.wait(_AGAIN_S)
        self._sender.close()

    def _drop(self) -> None:
        """Forget what is queued: sent later, an old state would look like the newest one."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._out.get_nowait()

    def messages(self) -> Iterator[Any]:
        """Yield the messages of other processes until `close`; it blocks, so it needs a thread."""
        while not self._over.is_set():
            with contextlib.suppress(redis.RedisError):  # `_send` logs it
                yield from self._subscription()
            self._over.wait(_AGAIN_S)

    def _subscription(self) -> Iterator[Any]:
        client = self._client()
        heard = client.pubsub(ignore_subscribe_messages=True)
        try:
            heard.subscribe(_NAME)
            since = self._clock.monotonic()
            self._beat()
            while not self._over.is_set():
                found = heard.get_message(timeout=_BEAT_S)
                if found is not None:
                    yield from self._read(found["data"])
                elif self._clock.monotonic() - max(since, self._heard) > _SILENT_S:
                    return  # a connection that stays silent is opened again
        finally:
            heard.close()
            client.close()

    def _read(self, text: bytes) -> Iterator[Any]:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if isinstance(message, dict):
            if message.get("host_id") == self.manager.host_id:
                self._heard = self._clock.monotonic()
            elif message.get("method") != _BEAT:
                yield message

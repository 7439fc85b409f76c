"""HTTPS client for the LLM backend: connects to one address and trusts only the pinned certificate.

It uses no system trust store, no proxy or other setting from the environment, no redirects and no persistent
connections (the platform resets them when its routing changes). The API key is sent only in the header of a request on
a verified connection.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from ert_dashboard.backend import calls, protocol
from ert_dashboard.backend.errors import BackendError, KeyRefused, NotThere, Refused, Unavailable, WrongIdentity
from ert_dashboard.base.backends import Backend
from ert_dashboard.base.interrupt import Interrupt

CONNECT_S = 5.0
IDLE_S = 45.0  # three missed heartbeats
ASLEEP = "the backend cannot be reached: it is asleep or being started (`ert-deploy wake` wakes it)"
_LARGEST_ANSWER = 8 * 1024 * 1024
_LONGEST_WAIT_S = 60.0
_MOST_BEFORE = 3  # addresses at which calls may still be under way


class BackendClient:
    """Client of one backend. Thread-safe; every call takes the `Interrupt` that can cancel it."""

    def __init__(self, backend: Backend) -> None:
        self._at = (backend, _connections(backend))
        self._before: list[httpx.Client] = []

    def move(self, backend: Backend) -> None:
        """Use another address from the next call on. Calls that are under way go on at the present one."""
        self._before.append(self._at[1])
        self._at = (backend, _connections(backend))
        while len(self._before) > _MOST_BEFORE:
            self._before.pop(0).close()

    @property
    def backend(self) -> Backend:
        """Return the backend at the present address."""
        return self._at[0]

    @property
    def name(self) -> str:
        """Return the name of the machine at the present address."""
        return self._at[0].name

    @property
    def total_s(self) -> float:
        """Return the total time limit of one report in seconds (`ERT_LLM_TIMEOUT`)."""
        return self._at[0].total_s

    def close(self) -> None:
        for connections in (*self._before, self._at[1]):
            connections.close()

    def health(self, interrupt: Interrupt) -> tuple[int, dict[str, Any]]:
        """Return the status code and body of the public `/health`, without sending the key."""
        with self._call("GET", "/health", interrupt, keyed=False) as response:
            return response.status_code, protocol.parse_json(_read(response, interrupt))

    def status(self, interrupt: Interrupt) -> dict[str, Any]:
        """Return the body of `/status`, which requires the key."""
        return self._json("GET", "/status", interrupt)

    def submit(self, report_id: str, request: Mapping[str, Any], interrupt: Interrupt) -> protocol.Update:
        """Submit a report under `report_id`. The call is idempotent: the backend deduplicates by id."""
        return protocol.read_snapshot(self._json("POST", "/reports", interrupt, {"id": report_id, **request}))

    def snapshot(self, report_id: str, interrupt: Interrupt) -> protocol.Update:
        return protocol.read_snapshot(self._json("GET", f"/reports/{report_id}", interrupt))

    def events(
        self, report_id: str, last_event: str | None, interrupt: Interrupt
    ) -> Generator[protocol.StreamEvent, None, None]:
        """Yield the events after `last_event` until the stream ends, possibly before the report is complete."""
        headers = {"Accept": "text/event-stream"}
        if last_event is not None:
            headers["Last-Event-ID"] = last_event
        with self._call("GET", f"/reports/{report_id}/events", interrupt, headers=headers) as response:
            self._accept(response, interrupt)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise NotThere("the backend has no event stream")
            yield from protocol.stream_events(_chunks(response, interrupt))

    def generate_report(self, request: Mapping[str, Any], interrupt: Interrupt) -> dict[str, Any]:
        """Call ERT's original blocking route. Never retried: a second request can create a second report."""
        body = self._json("POST", "/generate_report", interrupt, request, read_s=self.total_s)
        result = protocol.read_result(body)
        if result is None:
            raise Refused(protocol.error_text(body.get("error") or body.get("detail")) or "the backend sent no report")
        return result

    def cancel(self, report_id: str, interrupt: Interrupt) -> None:
        """Cancel a report. Raise `NotThere` when the backend does not support it; the report then continues."""
        self._json("DELETE", f"/reports/{report_id}", interrupt)

    def _json(
        self,
        method: str,
        path: str,
        interrupt: Interrupt,
        body: Mapping[str, Any] | None = None,
        *,
        read_s: float = IDLE_S,
    ) -> dict[str, Any]:
        with self._call(method, path, interrupt, body=body, read_s=read_s) as response:
            self._accept(response, interrupt)
            content = _read(response, interrupt)
            return protocol.parse_json(content) if content.strip() else {}

    @contextmanager
    def _call(
        self,
        method: str,
        path: str,
        interrupt: Interrupt,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        keyed: bool = True,
        read_s: float = IDLE_S,
    ) -> Iterator[httpx.Response]:
        interrupt.check()
        backend, connections = self._at
        sent = dict(headers or {})
        if keyed:
            sent["Authorization"] = f"Bearer {backend.key.reveal()}"
        request = connections.build_request(
            method,
            path,
            json=body,
            headers=sent,
            timeout=httpx.Timeout(IDLE_S, connect=CONNECT_S, read=read_s),
            extensions={"trace": interrupt.trace},
        )
        try:
            response = connections.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()
        except httpx.HTTPError as error:
            interrupt.check()
            raise _named(error) from None  # the cause adds only addresses and buffers to the traceback
        except protocol.Malformed as error:
            raise Unavailable(f"the backend's response is invalid: {error}") from None

    def _accept(self, response: httpx.Response, interrupt: Interrupt) -> None:
        status = response.status_code
        if status in (200, 201, 202, 204):
            return
        raise _refusal(status, self._said(response, interrupt), calls.retry_after(response.headers, _LONGEST_WAIT_S))

    def _said(self, response: httpx.Response, interrupt: Interrupt) -> str:
        try:
            body = protocol.parse_json(_read(response, interrupt))
        except protocol.Malformed:
            return ""
        text = protocol.error_text(body.get("detail") or body.get("error")) or ""
        return text.replace(self._at[0].key.reveal(), "***")


def _connections(backend: Backend) -> httpx.Client:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=backend.ca_pem)
    return httpx.Client(
        base_url=backend.url,
        verify=context,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(IDLE_S, connect=CONNECT_S),
        limits=httpx.Limits(max_keepalive_connections=0),
        headers={"User-Agent": "ert-dashboard", "Accept-Encoding": "identity"},
    )


def _refusal(status: int, said: str, after: float | None) -> BackendError:
    tail = f": {said}" if said else ""
    if status in (401, 403):
        return KeyRefused("the backend did not accept this dashboard's key")
    if status in (404, 405):
        return NotThere(f"the backend returned {status}{tail}")
    if status in (408, 425, 429) or status >= 500:
        busy = "the backend is busy" if status == 429 else f"the backend is not ready (HTTP {status})"
        return Unavailable(f"{busy}{tail}", after, asleep=status == 503)
    return Refused(f"the backend rejected the request (HTTP {status}){tail}")


def _named(error: httpx.HTTPError) -> BackendError:
    if calls.distrusted(error):
        return WrongIdentity("the server at the backend's address does not have the pinned certificate")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Unavailable(ASLEEP, asleep=True)
    if isinstance(error, httpx.TimeoutException):
        return Unavailable("the backend stopped responding")
    return Unavailable("the connection to the backend was lost")


def _chunks(response: httpx.Response, interrupt: Interrupt) -> Iterator[bytes]:
    for chunk in response.iter_bytes():
        interrupt.check()
        yield chunk
    interrupt.check()


def _read(response: httpx.Response, interrupt: Interrupt) -> bytes:
    content = bytearray()
    for chunk in _chunks(response, interrupt):
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise protocol.Malformed("it is too large")
    return bytes(content)

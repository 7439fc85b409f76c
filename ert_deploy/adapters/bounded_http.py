"""Bounded HTTP requests: limits on connect, read and total time and on size; no redirects, no implicit credentials.

Each request uses its own connection. With a kept-alive connection that the server has just closed, a POST would fail
after it was sent, without knowing whether it had an effect. From the environment only the proxies (never for loopback)
and the CA bundle are used, not a .netrc file. This module is independent of any provider; it neither retries nor
interprets a status.
"""

from __future__ import annotations

import ipaddress
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.utils
import urllib3.exceptions

from ert_deploy.adapters.bounded_socket import Deadline, Forbidden, Reach, everywhere, limited
from ert_deploy.adapters.bounded_transport import Transport, context

KIB = 1024
PIECE = 64 * KIB
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ert-deploy"}
Authorize = Callable[[requests.PreparedRequest], requests.PreparedRequest]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one request: seconds to connect, between two reads and in total, and the maximum body size in bytes."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 90.0
    size: int = KIB * KIB


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response with any status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Parse the body as JSON; raise `ValueError` if it is not valid."""
        return json_of(self.body)


class NoAnswer(Exception):
    """No complete response was received.

    `sent`: the request may have reached the server. `lasting`: another attempt will not help. The message contains no
    part of the request, only the reason of the failure.
    """

    def __init__(self, reason: str, *, sent: bool, lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.lasting = lasting


def json_of(body: bytes) -> Any:
    """Parse JSON from another system; raise `ValueError` if it is not valid or nested too deeply."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials; without this, `requests` would read some from a .netrc file."""
    return request


def exchange(
    method: str,
    url: str,
    bounds: Bounds,
    *,
    authorize: Authorize = anonymous,
    params: Mapping[str, str] | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    reach: Reach = everywhere,
    ca: str = "",
) -> Reply:
    """Send one request and return the complete response with any status, including a redirect. Raise `NoAnswer`.

    `body` is sent as JSON unless None, `content` is sent unchanged. `headers` override the default ones. `reach`
    decides which IP addresses the host may resolve to, `ca` is the path of a CA bundle to use instead of the
    environment's.
    """
    deadline = Deadline.after(bounds.total)
    request = requests.Request(
        method, url, headers={**HEADERS, **(headers or {})}, params=params, json=body, data=content, auth=authorize
    )
    try:
        with limited(deadline, bounds.read), requests.Session() as session:
            session.trust_env = False
            prepared = session.prepare_request(request)
            if content is not None:
                prepared.url = url  # the signature covers this exact URL
            scheme, proxies = urlsplit(url).scheme.lower(), _proxies(url, reach)
            trusted = context(ca) if scheme == "https" or proxies else None  # loading the CA file takes 20 ms
            session.mount(f"{scheme}://", Transport(trusted, reach))
            with session.send(
                prepared,
                timeout=(bounds.connect, bounds.read),
                allow_redirects=False,
                stream=True,
                proxies=proxies,
            ) as response:
                return Reply(response.status_code, response.headers, _body(response, bounds))
    except Forbidden as error:
        trouble = NoAnswer(str(error), sent=False, lasting=True)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        trouble = _classify(error)
        if trouble.sent and deadline.over:
            trouble = NoAnswer(f"the response did not finish within {bounds.total:g} s", sent=True)
    # Raised outside of the handler, so that the exception with the request and its headers is not chained to it.
    raise trouble


def _proxies(url: str, reach: Reach) -> dict[str, str]:
    """Return the proxies of the environment, or none for this machine's loopback, which a proxy cannot reach.

    If only some IP addresses are allowed, a literal one in the URL is checked here, because the proxy makes the
    connection.
    """
    if is_loopback(url):
        return {}
    proxies = requests.utils.get_environ_proxies(url)
    try:
        ip = ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return proxies
    if not reach(ip):
        raise Forbidden(f"it resolves to {ip}, which is not an allowed address")
    return proxies


def is_loopback(url: str) -> bool:
    """Whether a URL points to this machine by a loopback IP address or as localhost."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _body(response: requests.Response, bounds: Bounds) -> bytes:
    """Read the body as it is received (`read1`), so that an endless one is detected early."""
    pieces: list[bytes] = []
    length = 0
    while piece := response.raw.read1(PIECE, decode_content=False):
        pieces.append(piece)
        length += len(piece)
        if length > bounds.size:
            raise _too_large(bounds)
    return _decoded(b"".join(pieces), response.headers.get("Content-Encoding", ""), bounds)


def _decoded(body: bytes, coding: str, bounds: Bounds) -> bytes:
    """Decompress the body within the same size limit: a server may compress without being requested to."""
    match coding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip" | "deflate":
            inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        case _:
            raise NoAnswer("the response has an encoding that was not requested", sent=True, lasting=True)
    try:
        plain = inflate.decompress(body, bounds.size + 1)
    except zlib.error:
        raise NoAnswer("the response cannot be decompressed", sent=True) from None
    if len(plain) > bounds.size:
        raise _too_large(bounds)
    if not inflate.eof:
        raise NoAnswer("the response was truncated", sent=True)
    return plain


def _too_large(bounds: Bounds) -> NoAnswer:
    return NoAnswer(f"the response is larger than {bounds.size // KIB} KiB", sent=True, lasting=True)


def _classify(error: Exception) -> NoAnswer:
    """Convert a network error to a `NoAnswer` whose message contains no part of the request."""
    cause = _cause(error)
    match error:
        case requests.exceptions.SSLError():
            return _tls_trouble(str(error))
        case requests.exceptions.ProxyError():
            return NoAnswer("the proxy named in the environment did not let it through", sent=True)
        case requests.ConnectTimeout():
            return NoAnswer("timed out while connecting", sent=False)
        case requests.ConnectionError() if isinstance(cause, urllib3.exceptions.NewConnectionError):
            unnamed = isinstance(cause, urllib3.exceptions.NameResolutionError)
            return NoAnswer("its name could not be resolved" if unnamed else "could not connect", sent=False)
        case requests.Timeout() | urllib3.exceptions.TimeoutError():
            return NoAnswer("timed out while waiting for the response", sent=True)
        case requests.RequestException() if isinstance(error, ValueError):
            return NoAnswer(f"not a usable request ({type(error).__name__})", sent=False, lasting=True)
        case _:
            return NoAnswer(f"the connection broke ({type(cause).__name__})", sent=True)


def _tls_trouble(text: str) -> NoAnswer:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return NoAnswer("its certificate is not trusted here", sent=False, lasting=True)
    return NoAnswer("the TLS connection failed", sent=True)


def _cause(error: Exception) -> object:
    """Return the cause inside the wrapper exceptions of `requests` and `urllib3`."""
    first = error.args[0] if error.args else error
    return getattr(first, "reason", None) or (first if isinstance(first, Exception) else error)

"""One HTTP exchange with every bound set: connect, read and total time, size, no redirects, no borrowed credentials.

Each exchange has a connection of its own. A kept-alive connection that the other side has just closed would make a
POST fail after it was sent, and nobody could say whether it took effect. This module knows nothing of any provider;
it neither retries nor judges a status.
"""

from __future__ import annotations

import ipaddress
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

KIB = 1024
PIECE = 64 * KIB
Authorize = Callable[[requests.PreparedRequest], requests.PreparedRequest]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds to connect, seconds between two bytes, seconds for all of it, and bytes of the body."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 90.0
    size: int = KIB * KIB


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete answer of any status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; ValueError when it is not."""
        return json_of(self.body)


class NoAnswer(Exception):
    """No complete answer came.

    `sent`: the request may have reached the other side. `lasting`: trying again will not help. The text never holds
    anything of the request but its reason for failing.
    """

    def __init__(self, reason: str, *, sent: bool, lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.lasting = lasting


def json_of(body: bytes) -> Any:
    """JSON from outside; ValueError when it is not, however deep or odd it may be."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sends no credentials; without it `requests` would take some from a .netrc file."""
    return request


def exchange(
    method: str,
    url: str,
    bounds: Bounds,
    *,
    authorize: Authorize = anonymous,
    params: Mapping[str, str] | None = None,
    body: object = None,
) -> Reply:
    """Send one request (`body` as JSON unless None) and read the whole answer. Raises NoAnswer."""
    started = time.monotonic()
    try:
        with requests.Session() as session:
            # Proxies and CA bundles of the environment are used, but a proxy cannot reach this machine's loopback.
            session.trust_env = not is_loopback(url)
            with session.request(
                method,
                url,
                params=params,
                json=body,
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ert-deploy"},
                auth=authorize,
                timeout=(bounds.connect, bounds.read),
                allow_redirects=False,
                stream=True,
                verify=True,
            ) as response:
                return Reply(response.status_code, response.headers, _body(response, bounds, started))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        trouble = classify(error)
    # Raised out here, so that the exception which carries the request (and its headers) is not chained to it.
    raise trouble


def past_proxies(url: str) -> None:
    """Keep a client that reads proxies from the environment, and can be told of none, away from them for a loopback."""
    host = urlsplit(url).hostname or ""
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if is_loopback(url) and host not in listed.split(","):
        os.environ["no_proxy"] = ",".join(part for part in (listed, host) if part)


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine by a loopback address or as localhost."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _body(response: requests.Response, bounds: Bounds, started: float) -> bytes:
    """Read what is there as it comes (`read1`), so that a body that trickles cannot outlast the total."""
    pieces: list[bytes] = []
    length = 0
    while piece := response.raw.read1(PIECE, decode_content=True):
        pieces.append(piece)
        length += len(piece)
        if length > bounds.size:
            raise NoAnswer(f"the answer is larger than {bounds.size // KIB} KiB", sent=True, lasting=True)
        if time.monotonic() - started > bounds.total:
            raise NoAnswer(f"the answer did not end within {bounds.total:g} s", sent=True)
    return b"".join(pieces)


def classify(error: Exception) -> NoAnswer:
    """What went wrong on the wire, in words that quote nothing of the request."""
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
            return NoAnswer("timed out while waiting for the answer", sent=True)
        case requests.RequestException() if isinstance(error, ValueError):
            return NoAnswer(f"not a usable request ({type(error).__name__})", sent=False, lasting=True)
        case _:
            return NoAnswer(f"the connection broke ({type(cause).__name__})", sent=True)


def _tls_trouble(text: str) -> NoAnswer:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return NoAnswer("its certificate is not trusted here", sent=False, lasting=True)
    return NoAnswer("the TLS connection failed", sent=True)


def _cause(error: Exception) -> object:
    """What lies under the wrappers of `requests` and `urllib3`."""
    first = error.args[0] if error.args else error
    return getattr(first, "reason", None) or (first if isinstance(first, Exception) else error)

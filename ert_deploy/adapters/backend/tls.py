"""HTTPS requests to a machine with a self-signed certificate, under a single deadline.

`open_unproven` verifies no certificate: it is for requesting the identity of a server, and no secret may be sent over
it. `open_pinned` trusts exactly one certificate, so a key may be sent. The server may be slow, broken or hostile: no
call waits longer than the deadline or reads more than `MAX_BODY`.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import cast

from ert_deploy.adapters.backend.pinning import NOT_PINNED, is_pinned, pinned_context
from ert_deploy.adapters.bounded_socket import Deadline
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.text import printable

MAX_BODY = 64 * 1024
MAX_STREAM = 16 * 1024 * 1024
STEP = 5.0  # longest wait for a TCP connection or for TLS setup, in seconds


class Unreachable(Exception):
    """No complete response was received; a later attempt may work."""


class Stranger(Exception):
    """The server is not the expected one, or cannot show that it is."""


class Untrusted(Stranger):
    """Its certificate does not verify."""


class Line:
    """One TLS connection for one request; a context manager."""

    def __init__(self, connection: ssl.SSLSocket, address: Address, deadline: Deadline) -> None:
        self._socket = connection
        self._address = address
        self._deadline = deadline

    def __enter__(self) -> Line:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def certificate(self) -> bytes:
        """Return the certificate as DER; the server has shown during the handshake that it has the private key."""
        return self._socket.getpeercert(binary_form=True) or b""

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return the subject alternative names; empty if the certificate was not checked."""
        shown = self._socket.getpeercert() or {}
        return cast(tuple[tuple[str, str], ...], shown.get("subjectAltName", ()))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Send a GET and return status and body. Raises `Unreachable` without a response, `Stranger` if not HTTP."""
        return self.send("GET", path, headers)

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None,
        most: int = MAX_BODY,
    ) -> tuple[int, bytes]:  # fmt: skip
        """Send any request and return status and body. Raises like `get`."""
        talk = http.client.HTTPConnection(self._address.ip, self._address.port)
        # Never connects by itself: that would be plain TCP, and the headers may hold the key.
        talk.auto_open = 0
        talk.sock = cast(socket.socket, _Timed(self._socket, self._deadline))
        with _reading():
            talk.request(method, path, body, {"Accept": "application/json", "Connection": "close", **(headers or {})})
            with talk.getresponse() as response:
                answer = response.read(most + 1)
                if len(answer) <= most and response.length:
                    raise Unreachable("the response was truncated")
        if len(answer) > most:
            raise Stranger(f"the response is larger than {most // 1024} KiB")
        return response.status, answer

    def stream(self, path: str, headers: Mapping[str, str], body: bytes) -> Iterator[bytes]:
        """Send a POST and yield each line of the response as it arrives. Raises like `get`, `Refused` unless 200."""
        talk = http.client.HTTPConnection(self._address.ip, self._address.port)
        talk.auto_open = 0
        talk.sock = cast(socket.socket, _Timed(self._socket, self._deadline))
        with _reading():
            talk.request("POST", path, body, {"Connection": "close", **headers})
            with talk.getresponse() as response:
                if response.status != 200:
                    raise Refused(response.status, response.read(MAX_BODY), response.headers.get("Retry-After", ""))
                left = MAX_STREAM
                while line := response.readline(MAX_BODY + 1):
                    left -= len(line)
                    if len(line) > MAX_BODY or left < 0:
                        raise Stranger("the response is too large")
                    yield line


class Refused(Exception):
    """A complete response with another status than 200: its body, and when to try again in seconds, or empty."""

    def __init__(self, status: int, body: bytes, after: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.after = after


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (http.client.RemoteDisconnected, http.client.IncompleteRead):
        raise Unreachable("the connection was closed during a response") from None
    except TimeoutError:
        raise Unreachable("no complete response in time") from None
    except OSError as error:
        raise Unreachable(f"the connection broke ({type(error).__name__})") from None
    except (http.client.HTTPException, ValueError) as error:
        raise Stranger(f"the response is not valid HTTP ({type(error).__name__})") from None


class _Timed:
    """The part of the socket interface that `http.client` uses; each wait is limited by the deadline."""

    def __init__(self, connection: ssl.SSLSocket, deadline: Deadline) -> None:
        self._socket = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._socket, self._deadline))

    def close(self) -> None:
        """Do nothing: the connection is closed by its owner."""


class _Reader(io.RawIOBase):
    def __init__(self, connection: ssl.SSLSocket, deadline: Deadline) -> None:
        super().__init__()
        self._socket = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)


def open_unproven(address: Address, deadline: Deadline) -> Line:
    """Connect without verifying the certificate. Raise `Unreachable`, or `Stranger` if it does not speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return open_line(address, context, deadline)


def open_pinned(address: Address, pem: str, deployment: str | None, deadline: Deadline) -> Line:
    """Connect to the server with exactly this certificate, valid now and issued for this IP address or deployment.

    `deployment` None accepts any `<deployment>.ert.internal`. Raises `Unreachable` or `Stranger`.
    """
    try:
        context = pinned_context(pem)
    except ValueError as error:
        raise Stranger(str(error)) from None
    line = open_line(address, context, deadline)
    if is_pinned(line.certificate(), line.names(), pem, address.ip, deployment):
        return line
    line.close()
    raise Stranger(NOT_PINNED)


def open_line(address: Address, context: ssl.SSLContext, deadline: Deadline, name: str | None = None) -> Line:
    """Connect with that context, which checks `name` if it checks names. Raises `Unreachable` or `Stranger`."""
    try:
        plain = socket.create_connection((address.ip, address.port), timeout=deadline.left(STEP))
    except OSError as error:
        raise Unreachable(f"no connection to {address.ip}:{address.port} ({_short(error)})") from None
    try:
        # Use at most half of the remaining time: if this stalls, there must be time to detect plain HTTP.
        plain.settimeout(min(STEP, deadline.left() / 2))
        return Line(context.wrap_socket(plain, server_hostname=name), address, deadline)
    except ssl.SSLCertVerificationError as error:
        raise Untrusted(f"its certificate does not verify: {printable(error.verify_message, 120)}") from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError):
        trouble = "it hung up during the handshake"
    except ssl.SSLError as error:
        raise Stranger(f"it does not speak our TLS ({printable(error.reason or 'unknown', 60)})") from None
    except OSError as error:
        trouble = f"no handshake ({_short(error)})"
    finally:
        plain.close()
    if _speaks_plain_http(address, deadline):
        raise Stranger("it responds in plain HTTP")
    raise Unreachable(trouble)


def _speaks_plain_http(address: Address, deadline: Deadline) -> bool:
    """Whether the server speaks plain HTTP. Such a server may wait forever for the rest of a TLS handshake."""
    try:
        with socket.create_connection((address.ip, address.port), timeout=deadline.left(STEP)) as plain:
            plain.settimeout(deadline.left(STEP))
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            said = plain.recv(5)
            return bool(said) and b"HTTP/".startswith(said)
    except OSError:
        return False


def _short(error: OSError) -> str:
    return "timed out" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__

"""A bad input: its bytes, how they are sent, and the canary that must never be returned."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

GOOD, OLD, NEXT = "ert-abuse-good-key-0123456789abcdef", "ert-abuse-old-key-0123456789abcdef", "ert-abuse-next-key"
MARK = "cnry"


class Way(Enum):
    """How a connection is opened. RAW connects to the TLS port without TLS."""

    TLS = "tls"
    PLAIN = "plain"
    RAW = "raw"


class End(Enum):
    """Action of the sender after its last byte."""

    WAIT = "wait"
    HALF_CLOSE = "half-close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `parts` are sent with `pause` seconds between them. `withheld`: a declared body is not sent."""

    family: str
    name: str
    parts: tuple[bytes, ...]
    way: Way | None = None
    end: End = End.WAIT
    pause: float = 0.0
    withheld: bool = False
    home: str | None = None

    @property
    def digest(self) -> bytes:
        """Key that identifies distinct inputs."""
        shape = f"{self.way}{self.end}{self.pause}{self.withheld}".encode()
        return hashlib.sha256(b"\0".join((shape, *self.parts))).digest()


def mark(*names: object) -> str:
    """Return a canary that is unique to an input."""
    return MARK + hashlib.sha256("/".join(map(str, names)).encode()).hexdigest()[:12]


def request(
    method: str | bytes, path: str | bytes, headers: bytes = b"", body: bytes | None = None, key: str | None = None
) -> bytes:
    """Return a request as bytes; a body has its Content-Length."""
    method, path = (part.encode("latin-1") if isinstance(part, str) else part for part in (method, path))
    head = method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + headers
    if key is not None:
        head += b"Authorization: Bearer " + key.encode() + b"\r\n"
    if body is not None:
        head += b"Content-Length: " + str(len(body)).encode() + b"\r\n"
    return head + b"\r\n" + (body or b"")

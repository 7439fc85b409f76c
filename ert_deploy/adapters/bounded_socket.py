"""Sockets under a deadline: name resolution, connecting and all transfers share the time of one request.

`limited` sets the deadline; every wait of a socket created here is limited to the remaining time, so that a server that
sends one byte at a time (during the handshake, in a header or a body) cannot exceed it. The IP addresses that were
checked are the ones that are connected to: the name is not resolved again, so a changed DNS response has no effect.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Reach = Callable[[IP], bool]  # whether an IP address may be connected to
NAT64, UNICAST = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2000::/3")
Found = tuple[int, tuple[Any, ...]]  # family and address of a socket


class Forbidden(Exception):
    """The request is not allowed here, now or later: an IP address out of reach or a broken CA file."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time on the monotonic clock of this machine."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left(self, most: float = float("inf")) -> float:
        """Return the remaining seconds, at most `most`. Raise `TimeoutError` if there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("no complete response in time")
        return min(left, most)

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.at


@dataclass(frozen=True, slots=True)
class _Limits:
    deadline: Deadline
    idle: float


_LIMITS: ContextVar[_Limits | None] = ContextVar("_LIMITS", default=None)


@contextmanager
def limited(deadline: Deadline, idle: float) -> Iterator[None]:
    """Limit the sockets that this thread uses inside the block: each wait is at most `idle` s, up to the deadline."""
    token = _LIMITS.set(_Limits(deadline, idle))
    try:
        yield
    finally:
        _LIMITS.reset(token)


class _Limited(socket.socket):
    """Limits each wait to the remaining time. Raises `TimeoutError` (an `OSError`) if there is none."""

    def _shorten(self) -> None:
        limits = _LIMITS.get()
        if limits is not None:
            self.settimeout(limits.deadline.left(limits.idle))

    def recv(self, *arguments: Any) -> bytes:
        self._shorten()
        return super().recv(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        self._shorten()
        return super().recv_into(*arguments)

    def send(self, *arguments: Any) -> int:
        self._shorten()
        return super().send(*arguments)

    def sendall(self, *arguments: Any) -> None:
        self._shorten()
        super().sendall(*arguments)


class LimitedTls(_Limited, ssl.SSLSocket):
    """The same over TLS; an SSLContext makes these as its `sslsocket_class`."""


def everywhere(_: IP) -> bool:
    """Allow any IP address: the operator configured it."""
    return True


def public(ip: IP) -> bool:
    """Whether an IP address, in any notation, is on the public internet, not on the operator's machine or network."""
    meant = _meant(ip)
    return meant.is_global and not meant.is_multicast and (meant.version == 4 or meant in UNICAST)


def _meant(ip: IP) -> IP:
    """Return the IPv4 address in an IPv6 one: mapped, 6to4 or translated by NAT64 (RFC 4291, 3056, 6052)."""
    if ip.version == 4:
        return ip
    translated = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
    return ip.ipv4_mapped or ip.sixtofour or translated or ip


def loopback(ip: IP) -> bool:
    """Whether an IP address is this machine."""
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def connect(host: str, port: int, reach: Reach, wait: float) -> socket.socket:
    """Connect to the first IP address of `host` that accepts, trying each for at most `wait` seconds.

    Raises `Forbidden` (one of the resolved IP addresses is not allowed), `socket.gaierror`, `TimeoutError` or
    `OSError`.
    """
    limits = _LIMITS.get()
    deadline = limits.deadline if limits is not None else Deadline.after(wait)
    found = _addresses(host, port, deadline.left(wait))
    for _, address in found:
        ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if not reach(ip):
            raise Forbidden(f"it resolves to {ip}, which is not an allowed address")
    trouble: OSError = OSError("no address")
    for family, address in found:
        plain = _Limited(family, socket.SOCK_STREAM)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(deadline.left(wait))
            plain.connect(address)
        except OSError as error:
            plain.close()
            trouble = error
            continue
        plain.settimeout(deadline.left(wait))  # for TLS setup
        return plain
    raise trouble


def _addresses(host: str, port: int, wait: float) -> list[Found]:
    """Resolve a host name. `getaddrinfo` has no timeout, so its thread is abandoned when it takes too long."""
    answers: queue.SimpleQueue[list[Found] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(int(family), address) for family, _, _, _, address in rows])
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, "not a name"))

    if _is_literal(host):
        look_up()
    else:
        threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        found = answers.get(timeout=wait)
    except queue.Empty:
        raise TimeoutError("the name was not resolved in time") from None
    if isinstance(found, OSError):
        raise found
    return found


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True

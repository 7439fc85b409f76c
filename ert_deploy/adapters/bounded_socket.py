"""Sockets under a deadline: a name is looked up, connected to and talked to within the time of one exchange.

`limited` says how long; every wait of a socket made here is shortened to what is left, so that a side that sends one
byte at a time (a header, a handshake, a body) cannot outlast it. What was looked up is what is connected to: nothing
asks for the name a second time, so an answer that changes in between leads nowhere.
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
Reach = Callable[[IP], bool]  # which addresses may be connected to
NAT64, UNICAST = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2000::/3")
Found = tuple[int, tuple[Any, ...]]  # family and socket address


class Forbidden(Exception):
    """What was asked for is not done here, now or later: an address out of reach, a CA bundle that cannot be read."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the machine's own monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """That many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left(self, most: float = float("inf")) -> float:
        """Seconds left, at most `most`. TimeoutError when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("no complete answer in time")
        return min(left, most)

    @property
    def over(self) -> bool:
        """Whether the moment has come."""
        return time.monotonic() >= self.at


@dataclass(frozen=True, slots=True)
class _Limits:
    deadline: Deadline
    idle: float


_LIMITS: ContextVar[_Limits | None] = ContextVar("_LIMITS", default=None)


@contextmanager
def limited(deadline: Deadline, idle: float) -> Iterator[None]:
    """Sockets used within it, in this thread, wait `idle` seconds at most, and never beyond the deadline."""
    token = _LIMITS.set(_Limits(deadline, idle))
    try:
        yield
    finally:
        _LIMITS.reset(token)


class _Limited(socket.socket):
    """Shortens each wait to what is left. TimeoutError (an OSError) when nothing is."""

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
    """Any address: the operator named it."""
    return True


def public(ip: IP) -> bool:
    """Addresses of the internet only: nothing of the operator's own machine or network, however it is written."""
    meant = _meant(ip)
    return meant.is_global and not meant.is_multicast and (meant.version == 4 or meant in UNICAST)


def _meant(ip: IP) -> IP:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, or behind a NAT64 (RFC 4291, 3056, 6052)."""
    if ip.version == 4:
        return ip
    translated = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
    return ip.ipv4_mapped or ip.sixtofour or translated or ip


def loopback(ip: IP) -> bool:
    """This machine only."""
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def connect(host: str, port: int, reach: Reach, wait: float) -> socket.socket:
    """A connection to the first address of `host` that takes it, `wait` seconds at most for each.

    Raises Forbidden (an address out of reach among those found), socket.gaierror, TimeoutError or OSError.
    """
    limits = _LIMITS.get()
    deadline = limits.deadline if limits is not None else Deadline.after(wait)
    found = _addresses(host, port, deadline.left(wait))
    for _, address in found:
        ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if not reach(ip):
            raise Forbidden(f"it leads to {ip}, which is not an address for it")
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
        plain.settimeout(deadline.left(wait))  # what a handshake has
        return plain
    raise trouble


def _addresses(host: str, port: int, wait: float) -> list[Found]:
    """What the name stands for. The system's look-up knows no time-out, so it is left behind when it takes too long."""
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

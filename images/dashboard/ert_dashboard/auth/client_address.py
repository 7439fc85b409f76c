"""Who is asking: the address a request counts for, and which addresses are proxies that may speak for others.

A forwarding header is believed only from an address the operator named; anybody else could write what he likes in it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ert_dashboard.base.env import BadSetting

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PRIVATE = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
_LONGEST_HEADER = 2000


@dataclass(frozen=True)
class Proxies:
    """The proxies before this dashboard, as networks; empty means that there is none."""

    networks: tuple[Network, ...] = ()

    def trusts(self, text: str) -> bool:
        """Whether the address `text` is one of them; False for a text that is no address."""
        address = read_address(text)
        return address is not None and any(address in network for network in self.networks)

    def client(self, environ: Mapping[str, Any]) -> str:
        """The nearest address that is no proxy of ours; an IPv6 one stands for its /64, which one customer gets."""
        seen = str(environ.get("REMOTE_ADDR") or "")
        forwarded = str(environ.get("HTTP_X_FORWARDED_FOR") or "")[-_LONGEST_HEADER:].split(",")
        while self.trusts(seen) and forwarded:
            earlier = forwarded.pop().strip()
            if read_address(earlier) is None:
                break
            seen = earlier
        return _counted(seen)


def read_proxies(text: str, name: str) -> Proxies:
    """`private` or comma-separated addresses and networks. Raises `BadSetting` that names the variable `name`."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    parts = [part for word in words for part in (_PRIVATE if word.lower() == "private" else (word,))]
    try:
        return Proxies(tuple(ipaddress.ip_network(part) for part in parts))
    except ValueError:
        raise BadSetting(f"{name} must be `private` or addresses and networks such as 10.0.0.0/8") from None


def read_address(text: str) -> Address | None:
    """The IP address in `text`, an IPv4 one in IPv6 clothes undressed; None if it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _counted(text: str) -> str:
    address = read_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address else "unknown"

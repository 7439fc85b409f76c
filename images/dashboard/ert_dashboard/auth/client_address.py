"""Client addresses: resolve the address that a request is counted against, behind the proxies the operator trusts.

A forwarding header is used only when it was sent by a trusted proxy; any other client can set it to any value.
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
    """Networks of the trusted proxies; empty when there are none. `headers` have the client's address, first one first.

    Without such a header, X-Forwarded-For has it.
    """

    networks: tuple[Network, ...] = ()
    headers: tuple[str, ...] = ()

    def trusts(self, text: str) -> bool:
        """Whether `text` is the address of a trusted proxy; False for an invalid address."""
        address = read_address(text)
        return address is not None and any(address in network for network in self.networks)

    def client(self, environ: Mapping[str, Any]) -> str:
        """Return the address of the client; for IPv6 its /64, assigned to one customer.

        That is what a trusted proxy wrote into one of `headers`, else the nearest address that is not a trusted proxy.
        """
        seen = str(environ.get("REMOTE_ADDR") or "")
        for name in self.headers if self.trusts(seen) else ():
            said = str(environ.get(f"HTTP_{name.upper().replace('-', '_')}") or "")
            if read_address(said) is not None:
                return _counted(said)
        forwarded = str(environ.get("HTTP_X_FORWARDED_FOR") or "")[-_LONGEST_HEADER:].split(",")
        while self.trusts(seen) and forwarded:
            earlier = forwarded.pop().strip()
            if read_address(earlier) is None:
                break
            seen = earlier
        return _counted(seen)


def read_proxies(text: str, name: str, headers: tuple[str, ...] = ()) -> Proxies:
    """Parse `private` or comma-separated addresses and networks; raise `BadSetting` with the variable `name`."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    parts = [part for word in words for part in (_PRIVATE if word.lower() == "private" else (word,))]
    try:
        return Proxies(tuple(ipaddress.ip_network(part) for part in parts), headers)
    except ValueError:
        raise BadSetting(f"{name} must be `private` or addresses and networks such as 10.0.0.0/8") from None


def read_address(text: str) -> Address | None:
    """Parse an IP address and convert IPv4-mapped IPv6 to IPv4; return None when it is invalid."""
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

"""IP check for machines: a provider's response must not direct requests into the operator's own network."""

from __future__ import annotations

import ipaddress

from ert_deploy.adapters.bounded_socket import loopback, public
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.text import printable


def objection(address: Address, *, allow_loopback: bool = False) -> str:
    """Return why nothing may be sent to this IP and port; empty for a valid port of a globally routable IP.

    `allow_loopback` is for a sandbox on this machine.
    """
    try:
        ip = ipaddress.ip_address(address.ip)
    except ValueError:
        return f"{printable(address.ip, 60)} is not an IP address"
    if not 0 < address.port < 65536:
        return f"{address.port} is not a port"
    if public(ip) or (allow_loopback and loopback(ip)):
        return ""
    return f"{ip} is not a public address"

"""Pinned certificate of a backend: a TLS context that trusts it alone, and the check of what a server presents."""

from __future__ import annotations

import ipaddress
import re
import ssl

NOT_PINNED = "it presents another certificate, or one for another address"
_INTERNAL = re.compile(r"[a-z][a-z0-9-]{0,31}\.ert\.internal")


def pinned_context(pem: str) -> ssl.SSLContext:
    """Return the context that trusts this certificate. Raises ValueError if it cannot be read.

    What is presented has to be passed to `is_pinned`: the public IP may change while `<deployment>.ert.internal` does
    not, so that the name is checked there. Comparing the whole certificate is stricter than any name check: one that is
    signed by the pinned one is rejected.
    """
    try:
        ssl.PEM_cert_to_DER_cert(pem)
        context = ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ValueError("the pinned certificate cannot be read") from None
    context.check_hostname = False
    return context


def is_pinned(der: bytes, names: tuple[tuple[str, str], ...], pem: str, ip: str, deployment: str | None) -> bool:
    """Whether the presented certificate (DER, with its names) is the pinned one, for this IP address or deployment.

    `deployment` None accepts any `<deployment>.ert.internal`.
    """
    return der == ssl.PEM_cert_to_DER_cert(pem) and _named(names, ip, deployment)


def _named(names: tuple[tuple[str, str], ...], ip: str, deployment: str | None) -> bool:
    wanted = re.compile(re.escape(f"{deployment}.ert.internal")) if deployment else _INTERNAL
    return any(
        (kind == "DNS" and wanted.fullmatch(value)) or (kind == "IP Address" and _same_ip(value, ip))
        for kind, value in names
    )


def _same_ip(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False

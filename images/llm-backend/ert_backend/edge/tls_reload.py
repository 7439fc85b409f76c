"""TLS reload: new connections get the certificate that is on the disk now; without a restart or downtime.

A connection keeps its original pair, so that the proof of `/identity` is for the certificate that its client received.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from ert_backend.edge.identity import Identity

_log = logging.getLogger("ert_backend.tls")


def context(identity: Identity) -> ssl.SSLContext:
    """Return a TLS context for the pair, 1.2 or newer; raise OSError when the pair cannot be used."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(identity.certificate, identity.key)
    return made


@dataclass(slots=True)
class CurrentPair:
    """The pair in use. `fresh` returns the pair on disk, re-issued if it is no longer valid."""

    now: Identity
    tls: ssl.SSLContext
    fresh: Callable[[], Identity]
    reloads: int = 0

    def look(self) -> bool:
        """Load the pair from disk; return whether it changed. If it cannot be loaded, the old one remains in use."""
        try:
            found = self.fresh()
            if found.der == self.now.der:
                return False
            self.tls = context(found)
        except OSError as error:
            _log.error("the certificate cannot be renewed (%s)", error.strerror or type(error).__name__)
            return False
        self.now = found
        self.reloads += 1
        _log.info("new certificate in use, sha256 %s", found.cert_sha256)
        return True

    async def keep_looking(self, every: float) -> None:
        """Reload every `every` seconds until cancelled."""
        while True:
            await asyncio.sleep(every)
            self.look()

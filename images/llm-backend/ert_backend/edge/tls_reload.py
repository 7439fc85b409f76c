"""The certificate in use. When the pair on the disk is another one, new connections get it; no restart, no gap.

A connection keeps the pair that it was greeted with, so that what /identity proves on it is what the client saw.
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
    """A server's TLS context for the pair: 1.2 or newer; OSError when the pair cannot be used."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(identity.certificate, identity.key)
    return made


@dataclass(slots=True)
class CurrentPair:
    """`fresh` gives the pair that should be in use: the one on the disk, re-issued if it no longer fits."""

    now: Identity
    tls: ssl.SSLContext
    fresh: Callable[[], Identity]
    reloads: int = 0

    def look(self) -> bool:
        """Use the pair on the disk from now on; whether it is another one. A pair that fails leaves the old in use."""
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
        """Look every `every` seconds until cancelled."""
        while True:
            await asyncio.sleep(every)
            self.look()

"""Which keys open the door: their hashes, replaced while the service runs, and kept on the instance's disk.

A stop and a start must not bring back a key that was dropped, so what was set here outranks the environment the
machine was created with, for as long as that environment is the same. The key that sets keys is another one: it is
derived from the boot secret, and an application's key never is one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ert_backend.base.atomic_file import keep_file

FILE, FORMAT, MOST = "keys.json", 1, 4
_HASH = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger("ert_backend.keys")


class Stale(Exception):
    """The generation is not above the one in force, and the keys are others; it carries the one in force."""

    def __init__(self, generation: int) -> None:
        super().__init__(generation)
        self.generation = generation


@dataclass(frozen=True, slots=True)
class KeySet:
    """SHA-256 digests that are accepted, and how often they were set: 0 for the environment's own."""

    generation: int
    hashes: tuple[bytes, ...]


def admin_token(boot_secret: bytes) -> str:
    """What must be shown to set keys, 64 hex digits. /identity never signs a message of this length."""
    return hmac.new(boot_secret, b"ert-backend admin 1", hashlib.sha256).hexdigest()


def short(digest: bytes) -> str:
    """How a key is named where people read: the first 8 hex digits of its hash."""
    return digest.hex()[:8]


def parse_hashes(texts: Iterable[object]) -> tuple[bytes, ...]:
    """1 to 4 different SHA-256 digests in lower-case hex; ValueError without the input."""
    given = list(texts)
    if not 1 <= len(given) <= MOST or not all(isinstance(t, str) and _HASH.fullmatch(t) for t in given):
        raise ValueError(f"needs 1 to {MOST} SHA-256 hashes in hex")
    return tuple(dict.fromkeys(bytes.fromhex(str(text)) for text in given))


class KeyRing:
    """The keys in force. `token` is the instance's own: a file of another rental counts for nothing."""

    def __init__(self, folder: Path, token: str, given: tuple[bytes, ...], boot_secret: bytes) -> None:
        self.path = folder / FILE
        self.origin = hashlib.sha256(token.encode() + b"".join(given)).hexdigest()
        self.admin = (hashlib.sha256(admin_token(boot_secret).encode()).digest(),)
        self.now = self._load(given)
        self.used: dict[str, float] = {}

    def replace(self, generation: int, hashes: tuple[bytes, ...]) -> KeySet:
        """Put `hashes` in force, on the disk first. The same again changes nothing; Stale, or OSError and no change."""
        if generation == self.now.generation and set(hashes) == set(self.now.hashes):
            return self.now
        if generation <= self.now.generation:
            raise Stale(self.now.generation)
        content = {
            "format": FORMAT,
            "origin": self.origin,
            "generation": generation,
            "hashes": [digest.hex() for digest in hashes],
        }
        keep_file(self.path, json.dumps(content).encode())
        self.now = KeySet(generation, hashes)
        kept = {short(digest) for digest in hashes}
        self.used = {name: at for name, at in self.used.items() if name in kept}
        return self.now

    def _load(self, given: tuple[bytes, ...]) -> KeySet:
        """What is on the disk. A damaged file opens for no key: a dropped one must not come back by accident."""
        try:
            content = json.loads(self.path.read_bytes())
            if content["origin"] != self.origin:
                return KeySet(0, given)
            return KeySet(int(content["generation"]), parse_hashes(content["hashes"]))
        except FileNotFoundError:
            return KeySet(0, given)
        except (OSError, ValueError, TypeError, KeyError):
            _log.error("%s cannot be read: no key is accepted until keys are set again", FILE)
            return KeySet(0, ())

"""API key store: the hashes of the accepted keys, replaced at run time and kept on the instance's disk.

A restart must not restore a revoked key, so the stored hashes take precedence over the environment that the machine was
created with, as long as that environment is unchanged. The token for replacing keys is derived from the boot secret and
never the key of an application.
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
    """The keys differ but their generation is not above the current one, which the error carries."""

    def __init__(self, generation: int) -> None:
        super().__init__(generation)
        self.generation = generation


@dataclass(frozen=True, slots=True)
class KeySet:
    """The accepted SHA-256 digests, and their generation: 0 for those of the environment."""

    generation: int
    hashes: tuple[bytes, ...]


def admin_token(boot_secret: bytes) -> str:
    """Return the token for replacing keys, 64 hex digits. `/identity` never signs a message of this length."""
    return hmac.new(boot_secret, b"ert-backend admin 1", hashlib.sha256).hexdigest()


def word_key(api_key: bytes) -> str:
    """Return the key with which the guard signs its last message to the apps that have this API key, 64 hex digits."""
    return hmac.new(api_key, b"ert guard's last message 1", hashlib.sha256).hexdigest()


def short(digest: bytes) -> str:
    """Return the display name of a key: the first 8 hex digits of its hash."""
    return digest.hex()[:8]


def parse_hashes(texts: Iterable[object]) -> tuple[bytes, ...]:
    """Parse 1 to 4 distinct SHA-256 digests in lower-case hex; raise ValueError, without the input, for others."""
    given = list(texts)
    if not 1 <= len(given) <= MOST or not all(isinstance(t, str) and _HASH.fullmatch(t) for t in given):
        raise ValueError(f"needs 1 to {MOST} SHA-256 hashes in hex")
    return tuple(dict.fromkeys(bytes.fromhex(str(text)) for text in given))


class KeyRing:
    """The current keys. `token` is the instance's own: a file of another rental is ignored.

    `hear` keeps what the last message is signed with when a key is used, as this machine knows only hashes otherwise.
    """

    def __init__(self, folder: Path, token: str, given: tuple[bytes, ...], boot_secret: bytes) -> None:
        self.path = folder / FILE
        self.origin = hashlib.sha256(token.encode() + b"".join(given)).hexdigest()
        self.admin = (hashlib.sha256(admin_token(boot_secret).encode()).digest(),)
        self.now = self._load(given)
        self.used: dict[str, float] = {}
        self._words: dict[bytes, str] = {}

    def hear(self, api_key: bytes) -> None:
        """Keep the `word_key` of an accepted API key until that one is accepted no longer."""
        self._words[hashlib.sha256(api_key).digest()] = word_key(api_key)

    def word_keys(self) -> str:
        """Return the `word_key` of each accepted key that was used, with spaces; empty for none."""
        return " ".join(self._words[digest] for digest in self.now.hashes if digest in self._words)

    def replace(self, generation: int, hashes: tuple[bytes, ...]) -> KeySet:
        """Store `hashes` on disk and then accept them; the same set again changes nothing.

        Raise Stale for an old generation, and OSError, without any change, when the disk fails.
        """
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
        self._words = {digest: word for digest, word in self._words.items() if digest in hashes}
        return self.now

    def _load(self, given: tuple[bytes, ...]) -> KeySet:
        """Load the stored keys. With a damaged file no key is accepted, since a revoked one must not become valid."""
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

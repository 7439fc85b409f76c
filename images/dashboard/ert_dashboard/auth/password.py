"""Password hashing with salted scrypt: `python -m ert_dashboard.auth.password` hashes a password from stdin.

The encoded form is `scrypt:N:r:p:salt:hash` (base64url), which needs no quoting in a shell or an env file. The
password itself is never stored or logged.
"""

from __future__ import annotations

import base64
import binascii
import getpass
import hashlib
import hmac
import secrets
import sys
import threading
import unicodedata
from dataclasses import dataclass, field

SHORTEST, LONGEST = 12, 1024
# 16 MB and p=5: as costly to guess as OWASP's 128 MB and p=1, and fits into a 512 MB container.
_N, _R, _P = 2**14, 8, 5
_MEMORY = 64 * 1024 * 1024
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class PasswordHash:
    """Parsed scrypt hash. The repr omits salt and digest, which are sufficient for an offline attack."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def matches(self, password: str) -> bool:
        """Whether `password` matches. Takes a fraction of a second of CPU time by design; calls are serialized."""
        if len(password) > LONGEST:
            return False
        with _ONE_AT_A_TIME:
            return hmac.compare_digest(self._derived(password), self.digest)

    def tag(self) -> str:
        """Return an identifier of the hash; sessions created with an earlier password become invalid."""
        return hashlib.sha256(self.salt + self.digest).hexdigest()[:16]

    def _derived(self, password: str) -> bytes:
        # Keyboards may produce different code points for the same character.
        text = unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
        size = len(self.digest)
        return hashlib.scrypt(text, salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=_MEMORY, dklen=size)


def hash_password(password: str) -> str:
    """Hash `password` with a new salt and return the encoded form; raise `ValueError` for an unsupported length."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"the password must have {SHORTEST} to {LONGEST} characters")
    blank = PasswordHash(_N, _R, _P, secrets.token_bytes(16), bytes(32))
    texts = (base64.urlsafe_b64encode(part).decode() for part in (blank.salt, blank._derived(password)))
    return ":".join(("scrypt", str(_N), str(_R), str(_P), *texts))


def read_hash(text: str) -> PasswordHash:
    """Parse the encoded form; raise `ValueError` when it is malformed, or its parameters are too weak or too costly."""
    kind, *parts = text.strip().split(":")
    if kind != "scrypt" or len(parts) != 5:
        raise ValueError("not of the form scrypt:N:r:p:salt:hash")
    try:
        n, r, p = (int(part) for part in parts[:3])
        salt, digest = (base64.b64decode(part, altchars=b"-_", validate=True) for part in parts[3:])
    except (ValueError, binascii.Error):
        raise ValueError("not of the form scrypt:N:r:p:salt:hash") from None
    power_of_two = n > 0 and n & (n - 1) == 0
    if not (power_of_two and n >= _N and r >= 1 and 1 <= p <= 16 and 130 * n * r <= _MEMORY):
        raise ValueError("scrypt's parameters are too small or too large")
    if len(salt) < 16 or not 32 <= len(digest) <= 64:
        raise ValueError("the salt or the hash has an invalid length")
    return PasswordHash(n, r, p, salt, digest)


def main() -> int:
    """Read a password from stdin (with confirmation on a terminal), write its hash to stdout, return the exit code."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            sys.stderr.write("the two are not the same\n")
            return 1
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        sys.stdout.write(hash_password(password) + "\n")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

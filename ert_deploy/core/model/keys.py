"""API keys between app and backend, and fingerprints of certificates: formats, and how a new key is derived.

A key is `ert-` and 32 URL-safe characters (24 random bytes), as existing ERT clients expect.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

from ert_deploy.core.model.secret import Secret

KEY_BYTES = 24
TOKEN_BYTES = 16
BOOT_SECRET_BYTES = 32
ADMIN_MESSAGE = b"ert-backend admin 1"
_BOOT_SECRET = re.compile(r"[0-9a-f]{64}")
_FORM = re.compile(r"ert-[A-Za-z0-9_-]{32}")
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def make_key(random: bytes) -> Secret:
    """Return a key made of 24 random bytes; raise ValueError for any other number of bytes."""
    if len(random) != KEY_BYTES:
        raise ValueError(f"a key is made of {KEY_BYTES} bytes")
    return Secret("ert-" + base64.urlsafe_b64encode(random).decode())


def is_key(candidate: Secret | None) -> bool:
    """Whether `candidate` has the format of a key made by `make_key`."""
    return candidate is not None and _FORM.fullmatch(candidate.reveal()) is not None


def machine_key(secret: Secret, token: str, generation: int) -> Secret:
    """Return a key of the machine with this token: HMAC-SHA256 under a secret that no machine has."""
    message = f"ert machine key 1\n{token}\n{generation}"
    return make_key(hmac.new(secret.reveal().encode(), message.encode(), hashlib.sha256).digest()[:KEY_BYTES])


def admin_token(boot_secret: Secret) -> str | None:
    """Return the token that authorizes changing a backend's keys, derived from its boot secret; None if invalid."""
    if not _BOOT_SECRET.fullmatch(boot_secret.reveal()):
        return None
    return hmac.new(bytes.fromhex(boot_secret.reveal()), ADMIN_MESSAGE, hashlib.sha256).hexdigest()


def certificate_sha256(pem: str) -> str:
    """Return the hex SHA-256 of the DER bytes of the first certificate in `pem`; raise ValueError if there is none."""
    try:
        body = pem.split(_BEGIN, 1)[1].split(_END, 1)[0]
        der = base64.b64decode("".join(body.split()), validate=True)
    except (IndexError, binascii.Error) as error:
        raise ValueError("not a PEM certificate") from error
    return hashlib.sha256(der).hexdigest()

"""Authentication between an app and the agent: a bearer key, and a signature that a replay cannot show again."""

from __future__ import annotations

import hashlib
import hmac
import re

from ert_deploy.core.model.secret import Secret

NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
VERSION = "v1"


def shows_key(header: str | None, key: Secret) -> bool:
    """Whether the value of an Authorization header is the key, in constant time."""
    scheme, _, shown = (header or "").partition(" ")
    same = hmac.compare_digest(_digest(shown.strip()), _digest(key.reveal()))
    return same and scheme.lower() == "bearer"


def sign(key: Secret, nonce: str, body: bytes) -> str:
    """Return the signature of a body for the nonce of a request."""
    made = hmac.new(key.reveal().encode(), nonce.encode() + b"\n" + body, hashlib.sha256)
    return f"{VERSION}={made.hexdigest()}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()

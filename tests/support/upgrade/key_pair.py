"""The private key of a recorded machine: derived from a number that anybody can read, so that none is committed."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

NUMBER = int.from_bytes(b"not a secret: an upgrade fixture")
KEY_FILE = "tls-key.pem"


def private_key() -> ec.EllipticCurvePrivateKey:
    """Always the same key; it protects nothing."""
    return ec.derive_private_key(NUMBER, ec.SECP256R1())


def write_private_key(disk: Path) -> None:
    """Put the key where the backend keeps its own."""
    pem = private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = disk / KEY_FILE
    path.write_bytes(pem)
    path.chmod(0o600)

"""The private key of a recorded machine: derived from a public number, so that no key is committed."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

NUMBER = int.from_bytes(b"not a secret: an upgrade fixture")
KEY_FILE = "tls-key.pem"


def private_key() -> ec.EllipticCurvePrivateKey:
    """Return the fixed key; it protects nothing."""
    return ec.derive_private_key(NUMBER, ec.SECP256R1())


def write_private_key(disk: Path) -> None:
    """Write the key to the backend's path for it."""
    pem = private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = disk / KEY_FILE
    path.write_bytes(pem)
    path.chmod(0o600)

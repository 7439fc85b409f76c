"""Fingerprints of certificates, computed from their PEM text without an X.509 parser."""

from __future__ import annotations

import base64
import binascii
import hashlib

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def certificate_sha256(pem: str) -> str:
    """Return the hex SHA-256 of the DER bytes of the first certificate in `pem`; raise ValueError if there is none."""
    try:
        body = pem.split(_BEGIN, 1)[1].split(_END, 1)[0]
        der = base64.b64decode("".join(body.split()), validate=True)
    except (IndexError, binascii.Error) as error:
        raise ValueError("not a PEM certificate") from error
    return hashlib.sha256(der).hexdigest()

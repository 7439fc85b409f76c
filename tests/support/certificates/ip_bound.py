"""Certificates like the backend's own: EC, self-signed, a CA of its own, issued for address and name."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BORN = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    pem: str
    key: str

    @property
    def der(self) -> bytes:
        """The DER encoding, which is hashed for the proof."""
        return ssl.PEM_cert_to_DER_cert(self.pem)

    def context(self) -> ssl.SSLContext:
        """Return the server-side TLS context of this pair."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(self.pem + self.key)
            file.flush()
            context.load_cert_chain(Path(file.name))
        return context


@cache
def pair(deployment: str = "ert", ip: str = "127.0.0.1", number: int = 0, years: int = 30) -> Pair:
    """Return one pair per distinct set of arguments; `years` is the offset from 2020."""
    return _sign(ec.generate_private_key(ec.SECP256R1()), None, deployment, ip, number, years)


@cache
def signed_by(parent: Pair) -> Pair:
    """Return a pair for the same name and address whose certificate is signed with another key."""
    authority = serialization.load_pem_private_key(parent.key.encode(), password=None)
    assert isinstance(authority, ec.EllipticCurvePrivateKey)
    return _sign(ec.generate_private_key(ec.SECP256R1()), authority, "ert", "127.0.0.1", 77, 30)


def _sign(
    private: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey | None,
    deployment: str,
    ip: str,
    number: int,
    years: int,
) -> Pair:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{deployment}.ert.internal")])
    names: list[x509.GeneralName] = [x509.DNSName(f"{deployment}.ert.internal")] if deployment else []
    names += [x509.IPAddress(ipaddress.ip_address(ip))] if ip else []
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    public, issuer = private.public_key(), authority or private
    made = (
        x509.CertificateBuilder(name, name, public, 1000 + number, BORN, BORN + timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        .sign(issuer, hashes.SHA256())
    )
    key = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(made.public_bytes(serialization.Encoding.PEM).decode(), key.decode())

"""TLS identity: this machine's private key and certificate, and the proof that they belong to the deployment.

The private key is generated on this machine, stays on its disk (mode 0600) and is never sent. The certificate is
self-signed and a CA of its own, so that a client that pins the PEM needs no other trust anchor, OpenSSL's strict checks
included.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ert_backend.base.atomic_file import keep_file

LIFETIME = timedelta(days=730)
RENEW_BEFORE = timedelta(days=60)
BACKDATED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """The paths of the key pair, and the certificate in DER form."""

    certificate: Path
    key: Path
    der: bytes

    @property
    def cert_sha256(self) -> str:
        """Return the SHA-256 of the certificate's DER form in hex."""
        return hashlib.sha256(self.der).hexdigest()


def proof(boot_secret: bytes, nonce: bytes, der: bytes) -> str:
    """Return the HMAC-SHA256 of the client's nonce and the certificate's digest, keyed with the boot secret."""
    return hmac.new(boot_secret, nonce + hashlib.sha256(der).digest(), hashlib.sha256).hexdigest()


def ensure(folder: Path, deployment: str, public_ip: str | None, now: datetime) -> Identity:
    """Return the pair on disk if it is valid for the name, address and date, else a new one.

    Raise OSError when the pair cannot be stored.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = folder / "tls-cert.pem", folder / "tls-key.pem"
    names = _names(deployment, public_ip)
    der = _usable(certificate, key, names, now)
    if der is None:
        der = _issue(certificate, key, names, now)
    return Identity(certificate, key, der)


def _names(deployment: str, public_ip: str | None) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(f"{deployment}.ert.internal")]
    return [x509.IPAddress(ipaddress.ip_address(public_ip)), *names] if public_ip else names


def _usable(certificate: Path, key: Path, names: Sequence[x509.GeneralName], now: datetime) -> bytes | None:
    try:
        cert = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        held = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    same_names = list(held) == list(names)
    in_date = cert.not_valid_before_utc <= now < cert.not_valid_after_utc - RENEW_BEFORE
    fits = same_names and in_date and private.public_key() == cert.public_key()
    return cert.public_bytes(serialization.Encoding.DER) if fits else None


def _issue(certificate: Path, key: Path, names: Sequence[x509.GeneralName], now: datetime) -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    cert = _build(private, names, now)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keep_file(key, pem)
    keep_file(certificate, cert.public_bytes(serialization.Encoding.PEM))
    return cert.public_bytes(serialization.Encoding.DER)


def _build(private: ec.EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], now: datetime) -> x509.Certificate:
    public = private.public_key()
    common = next(name.value for name in names if isinstance(name, x509.DNSName))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
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
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )

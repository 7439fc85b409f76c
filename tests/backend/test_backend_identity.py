"""Identity proof: a client with only the boot secret verifies the server, pins its certificate, rejects any other."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from ert_backend.edge.identity import ensure
from tests.support.backend.rig import ENV, SECRET, Backend

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def accept(port: int, secret: str) -> str:
    """Check identity like an orchestrator: fetch the certificate, request the proof, pin the PEM. No key is sent."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    pinned = ssl.create_default_context(cadata=pem)
    nonce = secrets.token_hex(32)
    url = f"https://127.0.0.1:{port}/identity?nonce={nonce}"
    with urllib.request.urlopen(url, context=pinned, timeout=5) as answer:
        claim = json.load(answer)
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
    expected = hmac.new(bytes.fromhex(secret), bytes.fromhex(nonce) + digest, hashlib.sha256).hexdigest()
    assert claim["cert_sha256"] == digest.hex()
    assert [claim[name] for name in ("deployment", "token", "spec")] == [
        ENV["ERT_DEPLOYMENT"],
        ENV["ERT_TOKEN"],
        ENV["ERT_SPEC"],
    ]
    assert hmac.compare_digest(claim["proof"], expected), "this is not our machine"
    return pem


def test_the_proof_verifies_and_the_pem_alone_is_enough_for_the_address(backend: Backend) -> None:
    pem = accept(backend.port, SECRET)
    for strict in (False, True):
        context = ssl.create_default_context(cadata=pem)
        if strict:
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        with httpx.Client(verify=context, trust_env=False) as client:
            assert client.get(f"{backend.url}/health").status_code == 200


def test_another_secret_or_another_certificate_is_found_out(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="not our machine"):
        accept(backend.port, "00" * 32)
    other = ensure(tmp_path / "other", "ert", "127.0.0.1", NOW)
    wrong = ssl.create_default_context(cafile=str(other.certificate))
    with httpx.Client(verify=wrong, trust_env=False) as client, pytest.raises(httpx.ConnectError):
        client.get(f"{backend.url}/health")


def test_another_name_is_refused_and_the_internal_name_fits(backend: Backend) -> None:
    with httpx.Client(verify=backend.tls, trust_env=False) as client:
        ours = client.get(f"{backend.url}/health", extensions={"sni_hostname": "ert.ert.internal"})
        assert ours.status_code == 200
    with httpx.Client(verify=backend.tls, trust_env=False) as client, pytest.raises(httpx.ConnectError):
        client.get(f"{backend.url}/health", extensions={"sni_hostname": "other.ert.internal"})


def test_plain_http_gets_nothing(backend: Backend) -> None:
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.HTTPError):
        client.get(f"http://127.0.0.1:{backend.port}/health")


def test_the_pair_survives_a_restart_and_the_key_is_for_the_owner_only(tmp_path: Path) -> None:
    first = ensure(tmp_path, "ert", "203.0.113.7", NOW)
    assert ensure(tmp_path, "ert", "203.0.113.7", NOW + timedelta(days=30)).der == first.der
    assert first.key.stat().st_mode & 0o777 == 0o600
    cert = x509.load_der_x509_certificate(first.der)
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["203.0.113.7"]
    assert names.get_values_for_type(x509.DNSName) == ["ert.ert.internal"]
    basic = cert.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert basic.value.ca
    usage = cert.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.key_cert_sign
    for identifier in (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier):
        assert cert.extensions.get_extension_for_class(identifier)


@pytest.mark.parametrize(
    ("deployment", "address", "days"),
    [("ert", "203.0.113.8", 0), ("other", "203.0.113.7", 0), ("ert", None, 0), ("ert", "203.0.113.7", 700)],
)
def test_a_new_pair_is_made_when_name_address_or_date_no_longer_fit(
    tmp_path: Path, deployment: str, address: str | None, days: int
) -> None:
    first = ensure(tmp_path, "ert", "203.0.113.7", NOW)
    assert ensure(tmp_path, deployment, address, NOW + timedelta(days=days)).der != first.der


def test_a_damaged_pair_is_replaced(tmp_path: Path) -> None:
    first = ensure(tmp_path, "ert", None, NOW)
    first.key.write_text("not a key")
    second = ensure(tmp_path, "ert", None, NOW)
    assert second.der != first.der
    assert second.key.stat().st_mode & 0o777 == 0o600

"""Certificate renewal: new connections use the new certificate at once, without a restart or a lost response."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from ert_backend.edge.identity import ensure
from tests.support.backend.rig import SECRET, Backend, running, wait_for
from tests.support.doubles.scripted_ollama import ScriptedOllama


def shown(backend: Backend) -> bytes:
    """Return the certificate of a new connection, DER."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", backend.port)))


def reissue(backend: Backend) -> None:
    """Delete the pair; on its next check the backend creates a new one, as it does shortly before expiry."""
    (backend.settings.data_dir / "tls-cert.pem").unlink()


def test_new_connections_get_the_new_one_and_old_ones_go_on(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, cert_look=0.05) as backend, backend.client() as held:
        wait_for(lambda: held.get("/health").status_code == 200)
        before = shown(backend)
        reissue(backend)
        wait_for(lambda: shown(backend) != before)
        assert held.get("/status").status_code == 200
        fresh = ssl.create_default_context(cafile=str(tmp_path / "tls-cert.pem"))
        with httpx.Client(verify=fresh, base_url=backend.url, trust_env=False) as client:
            assert client.get("/health").status_code == 200


def test_each_connection_proves_the_certificate_it_was_shown(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, cert_look=0.05) as backend, backend.client(None) as held:
        old = shown(backend)
        nonce = secrets.token_hex(32)
        assert held.get("/identity", params={"nonce": nonce}).json()["cert_sha256"] == hashlib.sha256(old).hexdigest()
        reissue(backend)
        wait_for(lambda: shown(backend) != old)
        proven = held.get("/identity", params={"nonce": nonce}).json()
        wanted = hmac.new(bytes.fromhex(SECRET), bytes.fromhex(nonce) + hashlib.sha256(old).digest(), hashlib.sha256)
        assert proven["proof"] == wanted.hexdigest()
        fresh = ssl.create_default_context(cafile=str(tmp_path / "tls-cert.pem"))
        with httpx.Client(verify=fresh, base_url=backend.url, trust_env=False) as client:
            now = client.get("/identity", params={"nonce": nonce}).json()
        assert now["cert_sha256"] == hashlib.sha256(shown(backend)).hexdigest() != proven["cert_sha256"]


def test_a_pair_that_cannot_be_read_leaves_the_old_one_in_use(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host) as backend:
        before = shown(backend)
        pair = backend.server.pair
        assert pair is not None
        found = pair.fresh

        def broken() -> object:
            raise OSError(28, "No space left on device")

        pair.fresh = broken  # type: ignore[assignment]
        assert pair.look() is False
        pair.fresh = found
        assert pair.look() is False
        assert shown(backend) == before
        assert pair.reloads == 0


def test_a_pair_near_its_end_is_issued_anew_while_the_service_runs(tmp_path: Path, ollama: ScriptedOllama) -> None:
    now = datetime.now(UTC)  # noqa: TID251
    ensure(tmp_path, "ert", "127.0.0.1", now - timedelta(days=600))
    with running(tmp_path, ollama.host) as backend:
        pair = backend.server.pair
        assert pair is not None
        pair.fresh = lambda: ensure(tmp_path, "ert", "127.0.0.1", now + timedelta(days=80))
        before = shown(backend)
        backend.loop.call_soon_threadsafe(pair.look)
        wait_for(lambda: shown(backend) != before)

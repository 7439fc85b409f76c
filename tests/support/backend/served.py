"""A backend as its clients see it, by default one of this deployment; and probes of it."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ert_deploy.adapters.backend.probe import TlsBackendProbe
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health
from ert_deploy.core.model.secret import Secret
from tests.support.certificates.ip_bound import Pair, pair
from tests.support.doubles.scripted_http import Answer, Reaction, Script, Seen, scripted
from tests.support.fakes.timing import FakeEntropy

MARK = Mark("ert", "0123456789abcdef0123456789abcdef")
BOOT = Secret("ab" * 32)
KEY = Secret("ert-CanaryCanaryCanaryCanaryCanary__")
HEALTHY = {
    "status": "healthy",
    "model": "gpt-oss:20b",
    "ollama_status": "online",
    "uptime": 5,
    "engine": "ollama 0.35.0",
}
LOADING = {
    "status": "loading",
    "model": "gpt-oss:20b",
    "ollama_status": "offline",
    "progress": {"phase": "pulling", "completed": 4_000_000_000, "total": 13_800_000_000, "detail": "pulling layer"},
}


def prover(certificate: Pair, mark: Mark = MARK, boot: Secret = BOOT) -> Callable[[Seen], Answer]:
    """Return a handler of /identity: it returns the proof for the client's nonce and its own certificate."""

    def answer(seen: Seen) -> Answer:
        digest = hashlib.sha256(certificate.der).digest()
        message = bytes.fromhex(seen.query["nonce"][0]) + digest
        proof = hmac.new(bytes.fromhex(boot.reveal()), message, hashlib.sha256).hexdigest()
        named = {"deployment": mark.deployment, "token": mark.token, "spec": "0" * 16, "cert_sha256": digest.hex()}
        return Answer(200, {**named, "proof": proof})

    return answer


@contextmanager
def backend(own: Pair | None = None, tls: bool = True, **reactions: Reaction) -> Iterator[Script]:
    """Run a healthy backend of this deployment, except for the given paths."""
    own = own or pair()
    paths: dict[str, Reaction] = {
        "GET /identity": prover(own),
        "GET /health": Answer(200, HEALTHY),
        "GET /status": lambda seen: Answer(200 if KEY.reveal() in seen.headers.get("Authorization", "") else 401, {}),
    }
    paths |= {f"GET /{name}": reaction for name, reaction in reactions.items()}
    with scripted(paths, tls=own.context() if tls else None) as script:
        yield script


def look(port: int, pinned: str = "", total: float = 3.0, boot: Secret = BOOT, mark: Mark = MARK) -> Health:
    """Probe the server on that port once."""
    probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True, total=total)
    return probe.probe(Address("127.0.0.1", port), mark, boot, pinned)


def trusting(port: int, certificate: str, total: float = 3.0) -> TlsBackendProbe:
    """Return a probe that has already verified the certificate on that port, whichever server is there now."""
    probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True, total=total)
    probe._proven.add((Address("127.0.0.1", port), certificate))
    return probe


def ask(port: int, certificate: str, key: Secret = KEY, total: float = 3.0) -> bool:
    """Whether the server on that port accepts the key."""
    return trusting(port, certificate, total).accepts(Address("127.0.0.1", port), certificate, key)


def busy(port: int, certificate: str, key: Secret = KEY, total: float = 3.0) -> int:
    """Return the number of running reports that the server on that port reports."""
    return trusting(port, certificate, total).busy(Address("127.0.0.1", port), certificate, key)


def sent_to(script: Script) -> str:
    """Return all requests that the server received."""
    return repr(script.seen)


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a TCP server that passes each connection to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    client, _ = listening.accept()
                except TimeoutError:
                    continue
                with client:
                    client.settimeout(2)
                    serve(client)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            over.set()
            thread.join()

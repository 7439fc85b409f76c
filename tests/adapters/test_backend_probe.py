"""Identity of a backend: probes of valid, slow, broken and foreign servers."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ert_backend.edge import identity
from ert_deploy.adapters.backend.probe import TlsBackendProbe
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health, OffSwitch, Vital
from ert_deploy.core.model.secret import Secret
from tests.support.backend.served import (
    BOOT,
    HEALTHY,
    KEY,
    MARK,
    ask,
    backend,
    look,
    prover,
    raw_server,
    sent_to,
)
from tests.support.certificates.ip_bound import Pair, pair
from tests.support.doubles.scripted_http import Answer, Seen
from tests.support.fakes.timing import FakeEntropy


def test_a_backend_of_ours_proves_itself_and_is_healthy() -> None:
    with backend() as script:
        found = look(script.port)
    assert found == Health(Vital.HEALTHY, certificate=pair().pem, model="gpt-oss:20b", engine="ollama 0.35.0")
    assert script.asked() == ["/identity", "/health"]
    assert "Authorization" not in sent_to(script)


@pytest.mark.parametrize(
    ("told", "known"),
    [("proven", OffSwitch.PROVEN), ("refused", OffSwitch.REFUSED), ("unknown", OffSwitch.UNKNOWN)]
    + [(other, None) for other in ("PROVEN", "", None, 1, ["refused"])],
)
def test_what_a_backend_says_of_its_off_switch_is_one_of_three_words_or_nothing(
    told: object, known: OffSwitch | None
) -> None:
    with backend(health=Answer(200, {**HEALTHY, "off_switch": told})) as script:
        assert look(script.port).off_switch is known


def test_the_nonce_is_a_fresh_one_each_time() -> None:
    probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True)
    with backend() as script:
        for _ in range(2):
            probe.probe(Address("127.0.0.1", script.port), MARK, BOOT, "")
    nonces = {seen.query["nonce"][0] for seen in script.seen if seen.path == "/identity"}
    assert len(nonces) == 2
    assert all(len(nonce) == 64 for nonce in nonces)


def test_a_backend_proves_itself_once_a_run() -> None:
    """A run uses one probe. It verifies an identity once per address and secret."""
    probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True)
    with backend() as script:
        address = Address("127.0.0.1", script.port)
        first = probe.probe(address, MARK, BOOT, "")
        assert first.certificate is not None
        assert probe.probe(address, MARK, BOOT, first.certificate) == first
    assert script.asked() == ["/identity", "/health", "/health"]


def test_what_another_run_has_pinned_proves_nothing() -> None:
    with backend(identity=Answer(500)) as script:
        found = look(script.port, pinned=pair().pem)
    assert (found.vital, found.certificate) == (Vital.UNREACHABLE, None)
    assert script.asked() == ["/identity"]


def test_whoever_holds_a_forged_pin_is_an_impostor() -> None:
    """An attacker who can write the state and intercept traffic pins a certificate with a known private key."""
    with backend(pair(number=3), identity=prover(pair())) as script:
        found = look(script.port, pinned=pair(number=3).pem)
    assert (found.vital, found.certificate) == (Vital.IMPOSTOR, None)
    assert script.asked() == ["/identity"]


def test_no_secret_goes_to_a_certificate_that_this_run_has_not_seen_proven() -> None:
    forged = pair(number=3)
    with backend(forged, identity=prover(pair())) as script:
        address = Address("127.0.0.1", script.port)
        probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True)
        assert probe.probe(address, MARK, BOOT, forged.pem).vital is Vital.IMPOSTOR
        for call in (
            lambda: probe.accepts(address, forged.pem, KEY),
            lambda: probe.busy(address, forged.pem, KEY),
            lambda: probe.keys_in_force(address, forged.pem, BOOT),
            lambda: probe.set_keys(address, forged.pem, BOOT, 1, ("0" * 64,)),
        ):
            with pytest.raises(NeedsAttention, match=r"^impostor: "):
                call()
    assert script.asked() == ["/identity"]
    assert "Authorization" not in sent_to(script)


def test_what_was_proven_at_one_address_is_not_at_another() -> None:
    probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True)
    with backend() as first, backend() as second:
        assert probe.probe(Address("127.0.0.1", first.port), MARK, BOOT, "").vital is Vital.HEALTHY
        with pytest.raises(NeedsAttention):
            probe.accepts(Address("127.0.0.1", second.port), pair().pem, KEY)
        assert not second.seen


def test_a_new_certificate_has_to_prove_itself_anew() -> None:
    with backend(pair(number=2)) as script:
        found = look(script.port, pinned=pair().pem)
    assert (found.vital, found.certificate) == (Vital.HEALTHY, pair(number=2).pem)


@pytest.mark.parametrize("pinned", ["", pair().pem, "not a certificate", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_a_certificate_that_proves_nothing_is_an_impostors(pinned: str) -> None:
    stranger = pair(number=3)
    with backend(stranger, identity=prover(stranger, boot=Secret("cd" * 32))) as script:
        found = look(script.port, pinned=pinned)
    assert (found.vital, found.certificate) == (Vital.IMPOSTOR, None)
    assert "/health" not in script.asked()


def test_a_relayed_proof_of_the_real_backend_does_not_help_a_man_in_the_middle() -> None:
    with backend(pair(number=3), identity=prover(pair())) as script:
        assert look(script.port).vital is Vital.IMPOSTOR


@pytest.mark.parametrize("boot", ["", "ab", "AB" * 32, "zz" * 32])
def test_without_a_boot_secret_nothing_can_be_proven(boot: str) -> None:
    with backend(identity=prover(pair(), boot=Secret(""))) as script:
        assert look(script.port, boot=Secret(boot)).vital is Vital.IMPOSTOR


@pytest.mark.parametrize("mark", [Mark("other", MARK.token), Mark("ert", "f" * 32)])
def test_another_deployment_or_create_is_not_ours(mark: Mark) -> None:
    with backend(identity=prover(pair(), mark=mark)) as script:
        assert look(script.port).vital is Vital.IMPOSTOR


def test_plain_http_is_refused() -> None:
    with backend(tls=False) as script:
        found = look(script.port, pinned=pair().pem)
    assert found.vital is Vital.IMPOSTOR
    assert not [seen for seen in script.seen if seen.path != "/"]


PROOFS: list[Any] = [
    Answer(404),
    Answer(302, None, {"Location": "https://127.0.0.1:9/identity"}),
    Answer(200, b"<html></html>"),
    Answer(200, []),
    Answer(200, {"deployment": "ert", "token": MARK.token, "proof": None}),
    Answer(200, b'{"proof": "\\ud800"}'),
    Answer(200, b"[" * 60_000),
    Answer(200, b" " * 200_000),
]


@pytest.mark.parametrize("reaction", PROOFS)
def test_an_answer_that_is_no_proof_is_an_impostors(reaction: Answer) -> None:
    with backend(identity=reaction) as script:
        assert look(script.port).vital is Vital.IMPOSTOR


@pytest.mark.parametrize(
    "reaction",
    [
        Answer(503, {"detail": "starting"}),
        Answer(500),
        Answer(429),
        Answer(reset=True),
        Answer(200, {"proof": "0"}, cut=3),
        Answer(200, {"proof": "0"}, trickle=0.2),
        Answer(200, {"proof": "0"}, pause=2.0),
    ],
)
def test_no_complete_answer_is_unreachable_within_the_total(reaction: Answer) -> None:
    with backend(identity=reaction) as script:
        found = look(script.port, total=0.6)
    assert (found.vital, found.certificate) == (Vital.UNREACHABLE, None)


@pytest.mark.parametrize(
    "reaction", [Answer(reset=True), Answer(200, HEALTHY, cut=9), Answer(200, HEALTHY, trickle=0.1)]
)
def test_a_proven_backend_whose_health_breaks_off_is_unreachable_and_keeps_its_certificate(reaction: Answer) -> None:
    with backend(health=reaction) as script:
        found = look(script.port, total=0.6)
    assert (found.vital, found.certificate) == (Vital.UNREACHABLE, pair().pem)


def test_nobody_there_is_unreachable() -> None:
    assert look(9).vital is Vital.UNREACHABLE


def test_a_port_that_hangs_up_at_once_is_a_container_that_is_not_up_yet() -> None:
    with raw_server(lambda client: None) as port:
        assert look(port).vital is Vital.UNREACHABLE


def test_a_port_that_says_nothing_is_left_in_time() -> None:
    def listen(client: socket.socket) -> None:
        threading.Event().wait(0.6)

    with raw_server(listen) as port:
        assert look(port, total=0.4).vital is Vital.UNREACHABLE


def test_plain_http_that_waits_for_a_whole_request_is_found_out() -> None:
    def patient(client: socket.socket) -> None:
        said = b""
        try:
            while not said.endswith(b"\r\n\r\n") and (more := client.recv(4096)):
                said += more
        except TimeoutError:
            return
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    with raw_server(patient) as port:
        found = look(port, total=1.0)
    assert (found.vital, found.detail) == (Vital.IMPOSTOR, "it responds in plain HTTP")


def test_another_protocol_is_an_impostors() -> None:
    with raw_server(lambda client: client.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as port:
        assert look(port).vital is Vital.IMPOSTOR


def test_noise_inside_tls_is_an_impostors() -> None:
    context = pair().context()

    def noise(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as line:
            line.recv(4096)
            line.sendall(b"220 mail.example.org ESMTP\r\n")

    with raw_server(noise) as port:
        assert look(port).vital is Vital.IMPOSTOR


def test_the_images_own_identity_is_accepted(tmp_path: Path) -> None:
    made = identity.ensure(tmp_path, "ert", "127.0.0.1", datetime.now(UTC))  # noqa: TID251 - certificates have dates
    own = Pair(made.certificate.read_text("ascii"), made.key.read_text("ascii"))

    def show(seen: Seen) -> Answer:
        proof = identity.proof(bytes.fromhex(BOOT.reveal()), bytes.fromhex(seen.query["nonce"][0]), made.der)
        return Answer(200, {"deployment": "ert", "token": MARK.token, "proof": proof, "cert_sha256": made.cert_sha256})

    with backend(own, identity=show) as script:
        found = look(script.port)
        assert ask(script.port, own.pem)
    assert (found.vital, found.certificate) == (Vital.HEALTHY, own.pem)

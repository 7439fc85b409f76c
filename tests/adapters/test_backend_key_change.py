"""Changing a backend's keys remotely: the real app over TLS, and outdated, slow or foreign servers."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ert_backend.edge.key_store import admin_token
from ert_deploy.adapters.backend.probe import TlsBackendProbe
from ert_deploy.core.model.errors import Rejected, StateConflict, Transient
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import Secret
from tests.support.backend.rig import KEY, NEXT_KEY, SECRET, running
from tests.support.backend.served import BOOT, MARK, backend, sent_to
from tests.support.certificates.ip_bound import Pair, pair, signed_by
from tests.support.doubles.scripted_http import Answer, Reaction, Script
from tests.support.doubles.scripted_ollama import ScriptedOllama
from tests.support.fakes.timing import FakeEntropy

TOKEN = admin_token(bytes.fromhex(BOOT.reveal()))
HASHES = ("0" * 64, "1" * 64)
PROBE = TlsBackendProbe(FakeEntropy(), allow_loopback=True, total=3.0)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@contextmanager
def keyed(get: Reaction, put: Reaction | None = None, own: Pair | None = None) -> Iterator[tuple[Script, Address]]:
    """Run a verified backend with these responses to requests that read or set its keys."""
    with backend(own) as script:
        script.answers |= {"GET /admin/keys": get, "PUT /admin/keys": put or get}
        address = Address("127.0.0.1", script.port)
        PROBE._proven.add((address, pair().pem))
        yield script, address


def test_a_rotation_of_the_real_backend_add_then_drop(tmp_path: Path) -> None:
    new = "ert-brand-new"
    with ScriptedOllama() as ollama, running(tmp_path, ollama.host) as app:
        address, pem, secret = Address("127.0.0.1", app.port), app.identity.certificate.read_text(), Secret(SECRET)

        proven = PROBE.probe(address, MARK, secret, "")
        assert proven.certificate == pem

        def taken() -> list[bool]:
            return [PROBE.accepts(address, pem, Secret(key)) for key in (KEY, NEXT_KEY, new)]

        assert (PROBE.keys_in_force(address, pem, secret), taken()) == (
            (0, (digest(KEY), digest(NEXT_KEY))),
            [True, True, False],
        )
        PROBE.set_keys(address, pem, secret, 1, (digest(KEY), digest(new)))
        PROBE.set_keys(address, pem, secret, 1, (digest(KEY), digest(new)))
        assert (PROBE.keys_in_force(address, pem, secret), taken()) == (
            (1, (digest(KEY), digest(new))),
            [True, False, True],
        )
        PROBE.set_keys(address, pem, secret, 2, (digest(new),))
        assert (PROBE.keys_in_force(address, pem, secret), taken()) == ((2, (digest(new),)), [False, False, True])
        with pytest.raises(StateConflict):
            PROBE.set_keys(address, pem, secret, 2, (digest(KEY),))
        with pytest.raises(Rejected, match="401"):
            PROBE.set_keys(address, pem, Secret("ab" * 32), 3, (digest(KEY),))
        with pytest.raises(Rejected, match="422"):
            PROBE.set_keys(address, pem, secret, 3, tuple(digest(str(n)) for n in range(5)))
        assert taken() == [False, False, True]


def test_the_token_and_the_hashes_are_all_that_is_sent() -> None:
    with keyed(Answer(200, {"generation": 7, "keys": []})) as (script, address):
        assert PROBE.keys_in_force(address, pair().pem, BOOT) == (7, ())
        PROBE.set_keys(address, pair().pem, BOOT, 8, HASHES)
    assert [seen.method for seen in script.seen] == ["GET", "PUT"]
    assert {seen.headers["Authorization"] for seen in script.seen} == {f"Bearer {TOKEN}"}
    assert script.seen[1].json() == {"generation": 8, "hashes": list(HASHES)}
    assert BOOT.reveal() not in sent_to(script)


@pytest.mark.parametrize("own", [pair(number=5), signed_by(pair())], ids=["other", "leaf"])
def test_the_token_is_shown_to_nobody_else(own: Pair) -> None:
    with keyed(Answer(200, {"generation": 7}), own=own) as (script, address):
        with pytest.raises(Transient) as caught:
            PROBE.set_keys(address, pair().pem, BOOT, 8, HASHES)
        with pytest.raises(Transient):
            PROBE.keys_in_force(address, pair().pem, BOOT)
    assert TOKEN not in sent_to(script)
    assert "/admin/keys" not in script.asked()
    assert TOKEN not in "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))


@pytest.mark.parametrize("boot", ["", "ab", "AB" * 32])
def test_without_a_boot_secret_nothing_is_asked(boot: str) -> None:
    with keyed(Answer(200, {"generation": 7})) as (script, address), pytest.raises(Rejected, match="boot secret"):
        PROBE.keys_in_force(address, pair().pem, Secret(boot))
    assert not script.seen


@pytest.mark.parametrize("status", [401, 403, 404, 405, 422])
def test_a_refusal_is_final_and_says_its_status(status: int) -> None:
    with keyed(Answer(status, {"detail": "\x1b[31mno"})) as (_, address):
        for call in (
            lambda: PROBE.keys_in_force(address, pair().pem, BOOT),
            lambda: PROBE.set_keys(address, pair().pem, BOOT, 8, HASHES),
        ):
            with pytest.raises(Rejected, match=str(status)) as refused:
                call()
            assert "\x1b" not in refused.value.summary


ODD = [
    Answer(500), Answer(503, {"detail": "The disk rejected the write"}), Answer(429, {}), Answer(302, {}),
    Answer(200, b"<html>"), Answer(200, []), Answer(200, {}), Answer(200, {"generation": "7"}),
    Answer(200, {"generation": True}), Answer(200, {"generation": -1}), Answer(200, {"generation": 2**53}),
    Answer(200, {"generation": 7}, cut=3), Answer(reset=True),
]  # fmt: skip


@pytest.mark.parametrize("answer", ODD, ids=lambda a: f"{a.status} {a.body!r} {a.cut} {a.reset}")
def test_any_other_answer_may_or_may_not_have_changed_it(answer: Answer) -> None:
    with keyed(answer) as (_, address):
        with pytest.raises(Transient):
            PROBE.keys_in_force(address, pair().pem, BOOT)
        with pytest.raises(Transient):
            PROBE.set_keys(address, pair().pem, BOOT, 8, HASHES)


def test_no_key_is_changed_within_the_operators_own_network() -> None:
    probe = TlsBackendProbe(FakeEntropy())
    with pytest.raises(Transient, match="not a public address"):
        probe.set_keys(Address("127.0.0.1", 8443), pair().pem, BOOT, 8, HASHES)

"""Floods and idle connections: which clients are slowed down or disconnected, and which are unaffected."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_backend.base.token_bucket import Buckets, neighbourhood, rates
from ert_backend.edge.connection_limits import Guest, Lobby
from ert_backend.edge.protocol import Patience
from tests.support.backend.rig import KEY, REQUEST, Backend, running, wait_for
from tests.support.doubles.scripted_ollama import ScriptedOllama


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Buckets(rate=2.0, burst=3.0)
    assert [bucket.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 1]
    assert bucket.take("b", 0.0) == 0
    assert bucket.take("a", 0.6) == 0
    assert Buckets(rate=0.1, burst=1.0).wait("a", 0.0) == 0


def test_buckets_forget_the_oldest_names_not_the_memory() -> None:
    bucket = Buckets(rate=1.0, burst=1.0)
    for number in range(30_000):
        bucket.take(str(number), 0.0)
    assert len(bucket._left) == 10_000


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
    ],
)
def test_an_address_is_counted_by_what_one_caller_can_own(host: str, name: str) -> None:
    assert neighbourhood(host) == name


def test_the_oldest_stranger_of_a_full_address_makes_room() -> None:
    lobby, left = Lobby(per_address=2, total=10), list[int]()
    first, second = _guest(lobby, "a", left, 1), _guest(lobby, "a", left, 2)
    assert _guest(lobby, "a", left, 3) is not None
    assert (left, first.inside, second.inside) == ([1], False, True)
    assert (lobby.inside, lobby.evicted, lobby.counts) == (2, 1, {"a": 2})


def test_a_full_house_takes_from_the_most_crowded_address() -> None:
    lobby, left = Lobby(per_address=9, total=4), list[int]()
    for number, address in enumerate(("a", "b", "b", "b", "c")):
        _guest(lobby, address, left, number)
    assert left == [1]
    assert lobby.counts == {"a": 1, "b": 2, "c": 1}


def test_who_has_shown_a_key_never_makes_room() -> None:
    lobby, left = Lobby(per_address=2, total=10), list[int]()
    for number in (1, 2):
        lobby.trust(_guest(lobby, "a", left, number))
    assert lobby.enter("a") is None
    assert (left, lobby.refused, lobby.trusted) == ([], 1, 2)
    assert lobby.enter("b") is not None


def test_leaving_twice_counts_once() -> None:
    lobby = Lobby(2, 2)
    guest = _guest(lobby, "a", [], 1)
    lobby.leave(guest)
    lobby.leave(guest)
    assert (lobby.inside, lobby.counts, lobby.strangers) == (0, {}, {})


def _guest(lobby: Lobby, address: str, left: list[int], number: int) -> Guest:
    guest = lobby.enter(address)
    assert guest is not None
    guest.leave_now = lambda: left.append(number)
    return guest


def test_guessing_slows_the_guesser_and_nobody_elsewhere(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, bad_key_rate=0.1) as backend, backend.client() as holder:
        transport = httpx.HTTPTransport(verify=backend.tls, local_address="127.0.0.9")
        with httpx.Client(transport=transport, base_url=backend.url, trust_env=False) as guesser:
            seen = []
            for number in range(20):
                answer = guesser.get("/status", headers={"Authorization": f"Bearer guess-{number}"})
                seen.append(answer.status_code)
                with backend.client() as newcomer:
                    assert newcomer.get("/status").status_code == holder.get("/status").status_code == 200
            assert seen[:6] == [401] * 6
            assert seen.count(429) >= 12
            assert int(answer.headers["Retry-After"]) >= 1
            right = [guesser.get("/status", headers={"Authorization": f"Bearer {KEY}"}).status_code for _ in range(2)]
        assert 429 in right, "a right guess must wait as a wrong one does"


def test_a_connection_that_has_shown_its_key_is_not_slowed_by_guesses_from_its_own_address(backend: Backend) -> None:
    with backend.client() as holder, backend.client("wrong") as guesser:
        assert holder.get("/status").status_code == 200
        assert {guesser.get("/status").status_code for _ in range(40)} == {401, 429}
        assert holder.get("/status").status_code == 200


def test_a_key_and_an_address_have_a_rate(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with (
        running(tmp_path, ollama.host, key_rate=1.0, address_rate=1.0) as backend,
        backend.client() as holder,
        backend.client(None) as stranger,
    ):
        for client, path in ((holder, "/status"), (stranger, "/health"), (stranger, "/nothing")):
            answers = [client.get(path) for _ in range(8)]
            assert answers[-1].status_code == 429
            assert int(answers[-1].headers["Retry-After"]) >= 1
            assert answers[-1].json() == {"detail": "Too many requests"}


def test_rates_hold_what_a_few_seconds_bring() -> None:
    assert (rates(50, 50, 0.5).key.burst, rates(50, 50, 0.5).bad_key.burst) == (200, 30)


def test_half_open_connections_make_room_and_a_held_key_keeps_its_place(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, address_connections=6) as backend, backend.client() as holder:
        assert holder.get("/status").status_code == 200
        silent = [socket.create_connection(("127.0.0.1", backend.port)) for _ in range(30)]
        try:
            wait_for(lambda: backend.service.gate.lobby.evicted >= 25)
            assert backend.service.gate.lobby.inside == 6
            with backend.client() as newcomer:
                assert newcomer.get("/status").status_code == 200
            assert holder.get("/status").status_code == 200
        finally:
            for connection in silent:
                connection.close()
        wait_for(lambda: backend.service.gate.lobby.inside <= 1)


def test_an_unfinished_handshake_ends_at_its_deadline(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, head_deadline=0.3) as backend:
        for beginning in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection(("127.0.0.1", backend.port), timeout=5) as connection:
                connection.sendall(beginning)
                assert connection.recv(10) == b""
        wait_for(lambda: backend.service.gate.lobby.inside == 0)


def test_a_body_nobody_asked_for_ends_the_connection(backend: Backend) -> None:
    with _tls(backend) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")
        received = b""
        while part := connection.recv(4096):
            received += part
        assert b" 200 " in received


def test_a_reader_that_does_not_read_is_dropped(tmp_path: Path, ollama: ScriptedOllama) -> None:
    """Send enough responses on one connection to fill every buffer in between."""
    with running(tmp_path, ollama.host, key_rate=1e6) as backend:
        protocol: Any = backend.server.config.http_protocol_class
        protocol.patience = Patience(reading=0.3)
        with socket.socket() as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.settimeout(5)
            plain.connect(("127.0.0.1", backend.port))
            with backend.tls.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                ask = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
                connection.settimeout(0.2)
                with contextlib.suppress(OSError):
                    for _ in range(5000):
                        connection.sendall(ask)
                wait_for(lambda: backend.service.gate.lobby.inside == 0)


def test_nonsense_after_an_answer_has_begun_ends_only_that_connection(backend: Backend, client: httpx.Client) -> None:
    job = client.post("/reports", json={**REQUEST, "id": "nonsense"}).json()
    with _tls(backend) as connection:
        head = f"GET {job['events']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        connection.sendall(head.encode())
        assert b" 200 " in connection.recv(200)
        connection.sendall(b"\x00\xff nonsense\r\n\r\n")
        while connection.recv(4096):
            pass
    assert client.get("/status").status_code == 200


def test_a_client_that_resets_harms_nobody(backend: Backend, client: httpx.Client) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", backend.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert client.get("/status").status_code == 200
    wait_for(lambda: backend.service.gate.lobby.inside == 1)


def test_two_framings_or_a_packed_body_are_refused(client: httpx.Client) -> None:
    assert client.post("/reports", content=b"{}", headers={"Content-Encoding": "gzip"}).status_code == 415
    assert client.post("/reports", content=b"{}", headers={"Content-Encoding": "identity"}).status_code == 422


def _tls(backend: Backend) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", backend.port), timeout=5)
    return backend.tls.wrap_socket(plain, server_hostname="127.0.0.1")

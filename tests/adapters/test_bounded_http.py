"""The HTTP exchange: names, proxies, certificate authorities, compressed responses, and the total deadline."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, exchange
from ert_deploy.adapters.bounded_socket import Deadline, Forbidden, connect, limited, loopback, public
from ert_deploy.adapters.bounded_transport import CA_VARIABLES, context
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.scripted_http import Answer, scripted

PATIENT = Bounds(connect=5, read=5, total=10)
QUICK = Bounds(connect=2, read=2, total=0.4)
NAME = "ert.ert.internal"  # the host for which the certificate of the proxy below is issued
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *CA_VARIABLES):
        monkeypatch.delenv(name, raising=False)


Serve = Callable[[socket.socket], object]


@contextmanager
def proxy(serve: Serve) -> Iterator[tuple[str, list[str]]]:
    """Run a proxy on loopback: yield its URL and the request heads. `serve` handles each connection after that."""
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client, suppress(OSError):
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        head += client.recv(1)
                    lines.append(head.decode())
                    serve(client)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", lines
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def opens_tls(client: socket.socket) -> None:
    """Respond in place of the server, with a certificate of the proxy's own authority."""
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with pair().context().wrap_socket(client, server_side=True) as inside:
        inside.recv(65536)
        inside.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def trickles(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 ")
    for _ in range(400):
        client.sendall(b"x")
        time.sleep(0.02)  # noqa: TID251 (a real server, in real time)


def test_a_proxy_that_opens_tls_is_used_when_its_authority_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(pair().pem)
    with proxy(opens_tls) as (url, lines):
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(NoAnswer, match="certificate is not trusted"):
            exchange("GET", f"https://{NAME}/", PATIENT)
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        assert exchange("GET", f"https://{NAME}/", PATIENT).json() == {}
    assert lines[-1].startswith(f"CONNECT {NAME}:443 ")


def test_the_proxys_own_password_goes_to_the_proxy_and_the_key_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(lambda client: client.sendall(b"HTTP/1.1 407 No\r\n\r\n")) as (url, lines):
        monkeypatch.setenv("HTTPS_PROXY", url.replace("//", "//user:word@"))
        with pytest.raises(NoAnswer, match="the proxy named in the environment did not let it through"):
            exchange("GET", f"https://{NAME}/", PATIENT, headers={"Authorization": "Bearer own-key"})
    assert "Proxy-Authorization: Basic dXNlcjp3b3Jk" in lines[0]
    assert "own-key" not in lines[0]


def test_a_proxy_that_trickles_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(trickles) as (url, _):
        monkeypatch.setenv("HTTPS_PROXY", url)
        started = time.monotonic()
        with pytest.raises(NoAnswer):
            exchange("GET", f"https://{NAME}/", QUICK)
        assert time.monotonic() - started < 3


def test_a_socks_proxy_is_named_as_what_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(NoAnswer, match="SOCKS proxy") as caught:
        exchange("GET", f"https://{NAME}/", PATIENT)
    assert caught.value.lasting
    assert not caught.value.sent


def test_a_number_out_of_reach_is_not_even_asked_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(opens_tls) as (url, lines):
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(NoAnswer, match=r"resolves to 169.254.169.254"):
            exchange("GET", "https://169.254.169.254/", PATIENT, reach=public)
    assert not lines


def test_a_handshake_that_never_comes_ends_with_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"did not finish|timed out"):
            exchange("GET", f"https://127.0.0.1:{silent.getsockname()[1]}/", QUICK)
        assert time.monotonic() - started < 3


def looked_up(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]], wait: float = 0.0) -> list[str]:
    """Resolve names to these addresses, one list per lookup; return the names looked up."""
    real, asked = socket.getaddrinfo, list[str]()

    def look_up(host: str, port: Any, *arguments: Any, **named: Any) -> Any:
        if not str(host).endswith(".test"):
            return real(host, port, *arguments, **named)
        asked.append(host)
        time.sleep(wait)  # noqa: TID251 (a real resolver, in real time)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_what_was_looked_up_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was checked is used: a name is not looked up a second time."""
    asked = looked_up(monkeypatch, [["127.0.0.1"], ["10.0.0.1"]])
    with scripted({"GET /x": Answer(200, {})}) as server:
        assert exchange("GET", f"http://a.test:{server.port}/x", PATIENT, reach=loopback).status == 200
    assert asked == ["a.test"]


@pytest.mark.parametrize("ips", [["10.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["0.0.0.0"], ["224.0.0.1"], ["100.64.0.1"]])
def test_a_name_with_one_address_out_of_reach_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, ips: list[str]
) -> None:
    looked_up(monkeypatch, [ips])
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    with pytest.raises(NoAnswer, match="is not an allowed address") as caught:
        exchange("GET", "https://a.test/", PATIENT, reach=public)
    assert not caught.value.sent


def test_the_next_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted({"GET /x": Answer(200, {})}) as server:
        looked_up(monkeypatch, [["127.9.9.9", "127.0.0.1"]])
        real = socket.socket.connect

        def refuse(sock: socket.socket, address: Any) -> None:
            if address[0] == "127.9.9.9":
                raise ConnectionRefusedError
            real(sock, address)

        monkeypatch.setattr(socket.socket, "connect", refuse)
        assert exchange("GET", f"http://a.test:{server.port}/x", PATIENT).status == 200


def test_a_look_up_that_hangs_sends_nothing_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted({"PUT /x": Answer(200, {})}) as server:
        looked_up(monkeypatch, [["127.0.0.1"]], wait=0.8)
        with pytest.raises(NoAnswer) as caught:
            exchange("PUT", f"http://a.test:{server.port}/x", QUICK, body={})
        assert not caught.value.sent
        threading.Event().wait(1.0)
        assert not server.seen


def test_a_name_that_is_none_is_said_to_be_so() -> None:
    with pytest.raises(NoAnswer, match="could not be resolved") as caught:
        exchange("GET", f"http://{'a' * 70}.test/", PATIENT)
    assert not caught.value.sent


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "fe80::1", "::ffff:10.0.0.1"])
def test_what_is_not_public_is_not_connected_to(ip: str) -> None:
    with limited(Deadline.after(5), 5), pytest.raises(Forbidden):
        connect(ip, 9, public, 5)


@pytest.mark.parametrize(
    ("ip", "is_public"),
    [
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("64:ff9b::101:101", True),  # 1.1.1.1 behind a NAT64
        ("::ffff:1.1.1.1", True),
        ("64:ff9b::a9fe:a9fe", False),  # 169.254.169.254
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::1", False),  # 6to4 of 127.0.0.1
        ("::7f00:1", False),
        ("::", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("198.18.0.1", False),
        ("240.0.0.1", False),
    ],
)
def test_what_is_of_the_internet_is_told_by_what_it_stands_for(ip: str, is_public: bool) -> None:
    assert public(ipaddress.ip_address(ip)) is is_public


PLAIN = b'{"a": 1}'


@pytest.mark.parametrize(
    ("coding", "body"), [("gzip", gzip.compress(PLAIN, mtime=0)), ("deflate", zlib.compress(PLAIN))]
)
def test_an_answer_that_was_compressed_unasked_is_read(coding: str, body: bytes) -> None:
    with scripted({"GET /": Answer(200, body, {"Content-Encoding": coding})}) as server:
        assert exchange("GET", server.url + "/", PATIENT).json() == {"a": 1}


@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        ("gzip", gzip.compress(bytes(50 * KIB * KIB), mtime=0), "larger than"),
        ("gzip", gzip.compress(PLAIN, mtime=0)[:-9], "was truncated"),
        ("gzip", b"not at all", "cannot be decompressed"),
        ("br", PLAIN, "encoding that was not requested"),
    ],
    ids=["bomb", "cut", "nonsense", "unknown"],
)
def test_a_compressed_answer_is_held_to_the_same_bound(coding: str, body: bytes, why: str) -> None:
    answers = {"GET /": Answer(200, body, {"Content-Encoding": coding})}
    with scripted(answers) as server, pytest.raises(NoAnswer, match=why):
        exchange("GET", server.url + "/", PATIENT)


def test_the_first_variable_that_names_authorities_counts_and_is_read_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(pair().pem)
    env = {"REQUESTS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(tmp_path / "gone")}
    made = context(env=env)
    assert made.cert_store_stats()["x509"] == 1
    assert context(env=env) is made
    bundle.write_text(pair().pem + pair(number=5).pem)
    assert context(env=env).cert_store_stats()["x509"] == 2
    assert context(env={}).cert_store_stats()["x509"] > 50
    (tmp_path / "empty.pem").write_text("")
    for name in CA_VARIABLES[:3]:
        for wrong in ("gone", "empty.pem"):
            with pytest.raises(Forbidden, match=f"that {name} names cannot be read"):
                context(env={name: str(tmp_path / wrong)})

"""Access and request body checks before the framework, with the same response for every unauthenticated client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import tempfile
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_backend.base.metrics import Metrics
from ert_backend.base.routes import Access, access
from ert_backend.base.token_bucket import rates
from ert_backend.edge.access_log import Witness
from ert_backend.edge.audit import Audit
from ert_backend.edge.auth import Gate, key_id
from ert_backend.edge.body import BadBody, normalise
from ert_backend.edge.connection_limits import Lobby
from ert_backend.edge.key_store import KeyRing
from ert_backend.edge.middleware import Bounds, FrontDoor
from ert_backend.edge.protocol import Patience
from tests.support.backend.rig import KEY, REQUEST, Backend, running
from tests.support.doubles.scripted_ollama import ScriptedOllama

HASH = hashlib.sha256(KEY.encode()).digest()
BAD_KEYS: dict[str, list[tuple[bytes, bytes]]] = {
    "missing": [],
    "empty": [(b"authorization", b"")],
    "scheme only": [(b"authorization", b"Bearer")],
    "scheme and space": [(b"authorization", b"Bearer ")],
    "basic": [(b"authorization", b"Basic " + KEY.encode())],
    "wrong": [(b"authorization", b"Bearer ert-wrong")],
    "prefix": [(b"authorization", b"Bearer " + KEY[:-1].encode())],
    "suffix": [(b"authorization", b"Bearer " + KEY.encode() + b"x")],
    "twice": [(b"authorization", b"Bearer " + KEY.encode())] * 2,
    "latin-1": [(b"authorization", b"Bearer \xe9\xff")],
    "utf-8": [(b"authorization", "Bearer schlüssel€".encode())],
    "nul": [(b"authorization", b"Bearer \x00" + KEY.encode())],
    "the hash itself": [(b"authorization", b"Bearer " + HASH.hex().encode())],
    "huge": [(b"authorization", b"Bearer " + b"k" * 100_000)],
}


def door(folder: Path, answers: list[MutableMapping[str, Any]], claims: list[bool]) -> FrontDoor:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        answers.append(await receive() if scope["method"] == "POST" else {"type": "none"})

    keys = KeyRing(folder, "token", (HASH,), b"boot secret")
    gate = Gate(keys, rates(100, 100, 100), Lobby(10, 10))
    witness = Witness(Metrics(), Audit(folder, 100_000))
    return FrontDoor(app, gate, Bounds(1000, 0.2, 5, 5), witness, lambda: claims.append(True))


def knock(headers: list[tuple[bytes, bytes]], receive: Any) -> Any:
    """Return the response of the `edge`, the request that reached the app, and whether it was a claim."""
    sent: list[MutableMapping[str, Any]] = []
    reached: list[MutableMapping[str, Any]] = []
    claims: list[bool] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/generate_report", "headers": headers}
    with tempfile.TemporaryDirectory() as folder:
        entrance = door(Path(folder), reached, claims)
        asyncio.run(entrance(scope, receive, send))
        entrance.witness.audit.close()
    return sent, reached, claims


async def _never() -> MutableMapping[str, Any]:
    raise AssertionError("a body byte was asked for")


async def _silence() -> MutableMapping[str, Any]:
    await asyncio.sleep(30)
    raise AssertionError("not reached")


@pytest.mark.parametrize("name", BAD_KEYS)
def test_every_bad_key_gets_the_same_401_and_no_body_byte_is_read(name: str) -> None:
    sent, reached, claims = knock(BAD_KEYS[name], _never)
    reference, _, _ = knock([], _never)
    assert sent == reference
    assert sent[0]["status"] == 401
    assert json.loads(sent[1]["body"]) == {"detail": "Invalid API key"}
    assert (reached, claims) == ([], [])


def test_a_good_key_is_let_in_by_its_hash_whatever_the_case_of_the_scheme() -> None:
    for scheme in (b"Bearer ", b"bearer ", b"BEARER  "):
        assert key_id([(b"Authorization", scheme + KEY.encode())], [b"\x00" * 32, HASH]) == HASH.hex()[:8]


def test_the_body_deadline_ends_a_silent_sender() -> None:
    sent, reached, claims = knock([(b"authorization", b"Bearer " + KEY.encode())], _silence)
    assert sent[0]["status"] == 408
    assert (reached, claims) == ([], [True])


def test_a_declared_or_counted_body_above_the_limit_is_413() -> None:
    key = (b"authorization", b"Bearer " + KEY.encode())

    async def flood() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"x" * 400, "more_body": True}

    assert knock([key, (b"content-length", b"1001")], _never)[0][0]["status"] == 413
    assert knock([key, (b"content-length", b"9" * 5000)], _never)[0][0]["status"] == 413
    assert knock([key], flood)[0][0]["status"] == 413


def test_the_allow_list() -> None:
    assert access("GET", "/health") is Access.OPEN
    assert access("POST", "/health") is Access.WRONG_METHOD
    assert access("POST", "/reports") is Access.KEYED
    assert access("DELETE", "/reports/a.b-1") is Access.KEYED
    assert access("GET", "/reports/.hidden") is Access.UNKNOWN
    assert access("GET", "/reports/x\n") is Access.UNKNOWN
    assert access("GET", "/docs") is Access.UNKNOWN


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": None, "b": None, "c": None}),
        (b'{"a": "\\ud800x"}', {"a": "?x"}),
        (b'{"a": 9999999999999999999999}', {"a": None}),
        (b'{"a": [true, -0, "\\u00e9"]}', {"a": [True, 0, "é"]}),
    ],
)
def test_what_is_no_value_becomes_null(raw: bytes, clean: object) -> None:
    assert json.loads(normalise(raw)) == clean


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
        json.dumps({"a": list(range(30_000))}).encode(),
    ],
)
def test_what_is_no_sane_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBody):
        normalise(raw)


BAD_BODIES: list[tuple[bytes, list[list[str]]]] = [
    (b"canary-7", [["body"]]),
    (b'{"canary-7": 1}', [["body", "ticker"], ["body", "company_data"], ["body", "financial_data"]]),
    (b'{"ticker":"canary-7-canary-7-x","company_data":{},"financial_data":{}}', [["body", "ticker"]]),
    (b'{"ticker":7,"company_data":"canary-7","financial_data":[]}', []),
    (b'{"ticker":"A","company_data":{},"financial_data":{},"sections":["canary-7<script>"]}', []),
    (b'{"ticker":"A","company_data":{},"financial_data":{},"sections":{"canary-7":1}}', []),
    (b'{"ticker":"A\\u0000canary-7","company_data":{},"financial_data":{}}', [["body", "ticker"]]),
    (b'{"id":"../canary-7","ticker":"A","company_data":{},"financial_data":{}}', []),
]


@pytest.mark.parametrize(("raw", "places"), BAD_BODIES)
def test_422_names_fields_and_echoes_nothing(client: httpx.Client, raw: bytes, places: list[list[str]]) -> None:
    for path in ("/generate_report", "/reports"):
        if b'"id"' in raw and path == "/generate_report":
            continue
        answer = client.post(path, content=raw)
        assert answer.status_code == 422, path
        assert "canary" not in answer.text
        detail = answer.json()["detail"]
        assert detail
        assert not places or [problem["loc"] for problem in detail] == places


def test_a_wrong_nonce_is_422_and_not_repeated(client: httpx.Client) -> None:
    for nonce in ("", "canary-7", "0" * 63, "0" * 65, "g" * 64):
        answer = client.get("/identity", params={"nonce": nonce})
        assert answer.status_code == 422
        assert "canary" not in answer.text


def test_bad_keys_over_the_wire_get_one_answer(backend: Backend) -> None:
    seen = set()
    for headers in BAD_KEYS.values():
        if any(len(value) > 60_000 or b"\x00" in value or value.endswith(b" ") for _, value in headers):
            continue  # not valid in any HTTP library
        with backend.client(key=None) as stranger:
            answer = stranger.post("/generate_report", content=b"{ not json", headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name != "date"}
        seen.add((answer.status_code, answer.text, json.dumps(kept, sort_keys=True)))
    assert len(seen) == 1
    assert backend.service.ledger.record.claimed_at is None


def test_a_401_comes_while_the_body_is_still_held_back(backend: Backend) -> None:
    head = b"POST /generate_report HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"
    assert b" 401 " in _raw(backend, head)


def test_a_silent_or_half_spoken_connection_is_closed(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, head_deadline=0.2) as backend:
        assert _raw(backend, b"") == b""
        assert _raw(backend, b"GET /health HT") == b""


def test_a_client_that_leaves_in_mid_body_harms_nobody(backend: Backend, client: httpx.Client) -> None:
    head = f"POST /generate_report HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 500\r\n\r\n{{"
    with _connect(backend) as connection:
        connection.sendall(head.encode())
    assert client.post("/generate_report", json={**REQUEST, "sections": ["risk_analysis"]}).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/status", 503), ("/metrics", 500)])
def test_an_answer_that_hangs_or_fails_says_nothing_of_why(path: str, status: int, tmp_path: Path) -> None:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await asyncio.sleep(30 if scope["path"] == "/status" else 0)
        raise ValueError("canary-7")

    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    entrance = replace(door(tmp_path, [], []), app=app, bounds=Bounds(1000, 0.2, 0.1, 5))
    headers = [(b"authorization", b"Bearer " + KEY.encode())]
    asyncio.run(entrance({"type": "http", "method": "GET", "path": path, "headers": headers}, _never, send))
    entrance.witness.audit.close()
    assert sent[0]["status"] == status
    assert b"canary" not in sent[1]["body"]


def test_a_stranger_may_idle_on_a_connection_for_a_while_only(backend: Backend, client: httpx.Client) -> None:
    protocol: Any = backend.server.config.http_protocol_class
    protocol.patience = Patience(stranger_idle=0.2)
    assert client.get("/status").status_code == 200
    answer = _raw(backend, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in answer
    assert backend.service.gate.lobby.trusted == 1


def _raw(backend: Backend, data: bytes) -> bytes:
    with _connect(backend) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(4096):
            received += part
        return received


def _connect(backend: Backend) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", backend.port), timeout=5)
    return backend.tls.wrap_socket(plain, server_hostname="127.0.0.1")

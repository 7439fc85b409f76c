"""Change of keys during operation: keys are added, used and dropped, survive restarts, and no request fails."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ert_backend.api.admin import routes as admin_routes
from ert_backend.base.activity import Ledger
from ert_backend.base.board import Board
from ert_backend.base.http_error import Refused
from ert_backend.base.routes import find
from ert_backend.base.token_bucket import rates
from ert_backend.edge.audit import Audit
from ert_backend.edge.auth import Gate
from ert_backend.edge.connection_limits import Lobby
from ert_backend.edge.key_store import FILE, KeyRing, Stale, admin_token, word_key
from tests.support.backend.rig import KEY, NEXT_KEY, SECRET, Backend, running
from tests.support.doubles.scripted_ollama import ScriptedOllama

TOKEN, BOOT = "aa" * 16, bytes.fromhex(SECRET)
ADMIN = admin_token(BOOT)


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def ring(folder: Path, *given: str, token: str = TOKEN) -> KeyRing:
    return KeyRing(folder, token, tuple(digest(key) for key in given), BOOT)


def test_what_was_set_outlives_a_restart_and_outranks_the_environment(tmp_path: Path) -> None:
    ring(tmp_path, "old").replace(1, (digest("old"), digest("new")))
    ring(tmp_path, "old").replace(2, (digest("new"),))
    again = ring(tmp_path, "old")
    assert (again.now.generation, again.now.hashes) == (2, (digest("new"),))
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_of_another_rental_or_other_first_keys_counts_for_nothing(tmp_path: Path) -> None:
    ring(tmp_path, "old").replace(1, (digest("new"),))
    assert ring(tmp_path, "old", token="bb" * 16).now.hashes == (digest("old"),)
    assert ring(tmp_path, "other").now.hashes == (digest("other"),)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"origin": 1}', b"\xff"])
def test_a_damaged_file_lets_no_key_in_until_keys_are_set_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    keys = ring(tmp_path, "old")
    if b"origin" not in content:
        assert keys.now.hashes == ()
    keys.replace(1, (digest("new"),))
    assert ring(tmp_path, "old").now.hashes == (digest("new"),)


def test_an_older_or_equal_generation_changes_nothing_unless_it_says_the_same(tmp_path: Path) -> None:
    keys = ring(tmp_path, "old")
    keys.replace(5, (digest("a"), digest("b")))
    assert keys.replace(5, (digest("b"), digest("a"))).generation == 5
    for generation in (4, 5):
        with pytest.raises(Stale):
            keys.replace(generation, (digest("c"),))
    assert keys.now.hashes == (digest("a"), digest("b"))


def test_a_disk_that_takes_nothing_leaves_the_keys_as_they_are(tmp_path: Path) -> None:
    keys = ring(tmp_path, "old")
    keys.path = tmp_path / "absent" / FILE
    with pytest.raises(OSError):
        keys.replace(1, (digest("new"),))
    assert keys.now.hashes == (digest("old"),)


def test_ten_thousand_calls_in_rotations_with_restarts_and_none_fails(tmp_path: Path) -> None:
    """A client uses a key that is current at the time; the key ring may be reloaded from disk between any two calls."""
    rng = random.Random(20261123)
    keys, current, calls, refused = ring(tmp_path, "key-0"), "key-0", 0, 0

    def gate() -> Gate:
        return Gate(keys, rates(1e6, 1e6, 1e6), Lobby(10, 10))

    for generation in range(1, 801, 2):
        following = f"key-{generation}"
        for step, allowed in enumerate(((current, following), (following,))):
            keys.replace(generation + step, tuple(digest(key) for key in allowed))
            for _ in range(rng.randrange(10, 22)):
                if rng.random() < 0.05:
                    keys = ring(tmp_path, "key-0")
                refused += not _let_in(gate(), rng.choice(allowed))
                calls += 1
        assert not _let_in(gate(), current)
        current = following
    assert calls >= 10_000
    assert refused == 0


def _let_in(gate: Gate, key: str) -> bool:
    headers = [(b"authorization", f"Bearer {key}".encode())]
    try:
        gate.admit({"type": "http", "method": "GET", "path": "/status", "headers": headers}, find("/status"))
    except Refused:
        return False
    return True


def test_the_last_message_is_signed_for_each_key_that_was_used_until_it_is_revoked(tmp_path: Path) -> None:
    keys, ledger = ring(tmp_path, "a", "b", "c"), Ledger(Board(), "run", TOKEN, tmp_path)
    gate = Gate(keys, rates(1e6, 1e6, 1e6), Lobby(10, 10))
    app = FastAPI()
    admin_routes(app, keys, Audit(tmp_path, 100_000), ledger)
    for used in ("b", "wrong", "a", "b"):
        _let_in(gate, used)
        ledger.claim(keys.word_keys())
    assert ledger.record.word_keys.split() == [word_key(b"a"), word_key(b"b")]

    async def replaced(generation: int, *left: str) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
            return (await client.put("/admin/keys", json=change(generation, *left))).status_code

    assert asyncio.run(replaced(1, "b", "d")) == 200
    assert ledger.record.word_keys == word_key(b"b"), "without another request"
    assert _let_in(gate, "d")
    assert keys.word_keys().split() == [word_key(b"b"), word_key(b"d")]
    assert asyncio.run(replaced(2, "a")) == 200
    assert ledger.record.word_keys == "", "a key that is accepted again has to be used again"


@pytest.fixture
def admin(backend: Backend) -> Iterator[httpx.Client]:
    with backend.client(ADMIN) as session:
        yield session


def change(generation: object, *keys: str) -> dict[str, object]:
    return {"generation": generation, "hashes": [digest(key).hex() for key in keys]}


def test_a_rotation_over_the_wire(backend: Backend, admin: httpx.Client) -> None:
    with backend.client("third-key") as third, backend.client(KEY) as old:
        assert (old.get("/status").status_code, third.get("/status").status_code) == (200, 401)
        shown = admin.put("/admin/keys", json=change(1, KEY, "third-key")).json()
        assert shown["generation"] == 1
        assert [row["id"] for row in shown["keys"]] == [digest(KEY).hex()[:8], digest("third-key").hex()[:8]]
        assert shown["keys"][1]["idle_seconds"] is None
        assert (old.get("/status").status_code, third.get("/status").status_code) == (200, 200)
        assert admin.get("/admin/keys").json()["keys"][1]["idle_seconds"] < 60
        assert admin.put("/admin/keys", json=change(2, "third-key")).status_code == 200
        assert (old.get("/status").status_code, third.get("/status").status_code) == (401, 200)
        assert admin.put("/admin/keys", json=change(1, KEY)).status_code == 409


def test_the_two_kinds_of_key_do_not_open_each_others_doors(backend: Backend, admin: httpx.Client) -> None:
    with backend.client(KEY) as app:
        assert app.get("/admin/keys").status_code == 401
        assert app.put("/admin/keys", json=change(1, KEY)).status_code == 401
        assert app.get("/admin/keys").content == admin.get("/status").content
    with backend.client(SECRET) as secret:
        assert secret.get("/admin/keys").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"generation": 1},
        {"generation": 0, "hashes": ["0" * 64]},
        {"generation": "1", "hashes": ["0" * 64]},
        {"generation": True, "hashes": ["0" * 64]},
        {"generation": 1.5, "hashes": ["0" * 64]},
        {"generation": 2**60, "hashes": ["0" * 64]},
        {"generation": 1, "hashes": []},
        {"generation": 1, "hashes": ["0" * 64] * 5},
        {"generation": 1, "hashes": ["canary-7"]},
        {"generation": 1, "hashes": ["F" * 64]},
        {"generation": 1, "hashes": "0" * 64},
        {"generation": 1, "hashes": ["0" * 64], "canary-7": 1},
    ],
)
def test_a_wrong_change_is_refused_and_not_repeated(
    backend: Backend, admin: httpx.Client, body: dict[str, object]
) -> None:
    answer = admin.put("/admin/keys", json=body)
    assert answer.status_code == 422
    assert "canary" not in answer.text
    assert admin.get("/admin/keys").json()["generation"] == 0


def test_no_request_fails_while_keys_rotate_and_the_service_restarts(tmp_path: Path, ollama: ScriptedOllama) -> None:
    """Real connections, one per call; the listening socket stays open, as the port does on a machine."""
    calls = asyncio.run(_rotate(tmp_path, ollama))
    assert calls["failed"] == []
    assert calls["asked"] >= 150


async def _rotate(folder: Path, ollama: ScriptedOllama) -> dict[str, Any]:
    seen: dict[str, Any] = {"asked": 0, "failed": []}
    current, stop = {"key": KEY}, threading.Event()

    def caller(backend: Backend) -> None:
        while not stop.is_set():
            with backend.client(current["key"]) as client:
                status = client.get("/status").status_code
            seen["asked"] += 1
            if status != 200:
                seen["failed"].append(status)

    generation = 0
    for key, following in ((KEY, "k1"), ("k1", "k2"), ("k2", "k3")):
        with running(folder, ollama.host, key_rate=1e5) as backend, backend.client(ADMIN) as admin:
            stop.clear()
            threads = [asyncio.create_task(asyncio.to_thread(caller, backend)) for _ in range(3)]
            for keys in ((key, following), (following,)):
                await asyncio.sleep(0.1)
                generation += 1
                answer = await asyncio.to_thread(admin.put, "/admin/keys", json=change(generation, *keys))
                assert answer.status_code == 200
                current["key"] = following
                # A key is dropped once the other one is in use by every client.
                goal = seen["asked"] + 25
                while seen["asked"] < goal:
                    await asyncio.sleep(0.02)
            stop.set()
            await asyncio.gather(*threads)
            with backend.client(key) as old:
                assert (await asyncio.to_thread(old.get, "/status")).status_code == 401
    return seen


def test_the_key_file_holds_hashes_only(backend: Backend, admin: httpx.Client, tmp_path: Path) -> None:
    admin.put("/admin/keys", json=change(1, KEY, NEXT_KEY))
    text = (tmp_path / FILE).read_text()
    assert set(json.loads(text)) == {"format", "origin", "generation", "hashes"}
    assert not any(secret in text for secret in (KEY, NEXT_KEY, SECRET, ADMIN))


def test_a_port_that_is_taken_is_said_and_ends_the_process(tmp_path: Path, ollama: ScriptedOllama) -> None:
    from ert_backend.serving import _listen

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
        _listen("127.0.0.1", taken.getsockname()[1])

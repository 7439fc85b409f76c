"""The last message of a machine's guard: who is believed, what is on the page, and what overrides it."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
import io
import json
import sqlite3
import ssl
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from ert_backend.base.activity import Activity
from ert_backend.edge.key_store import word_key
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.clouds.cloud import Call
from ert_backend.guard.last_word import PATH, SIGNATURE, LastWord
from ert_backend.guard.rules import Action, Cause, Why
from ert_dashboard.backend.guard_word import FRESH_S, LARGEST, GuardWord, stored_word
from ert_dashboard.backend.readiness import CACHE_S
from ert_dashboard.backend.silence import DETAILS, SETTLE_S, silent_state
from ert_dashboard.base.machine import Machine
from ert_dashboard.server.serve import Application
from ert_dashboard.server.sockets import AsyncLive
from ert_dashboard.settings import read_settings
from ert_dashboard.storage.word_rows import MOST_MACHINES
from ert_dashboard.web.app import Dashboard, create_dashboard
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import replica
from tests.support.dashboard.manual_clock import WoundClock
from tests.support.dashboard.stores import Open

Start = Callable[[dict[str, str]], Dashboard]
RUN = "0123456789abcdef"
STATUS = {"uptime": 600.0, "idle_seconds": 12.5, "idle_stop_seconds": 900}


def fingerprint(backend: FakeBackend) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(backend.pem)).hexdigest()


def word(backend: FakeBackend, at: float, **changes: Any) -> dict[str, Any]:
    made = {"version": 1, "state": "stopping", "reason": "idle", "seconds": 900.0, "at": at, "run": RUN}
    return made | {"certificate": fingerprint(backend)} | changes


def signature(body: bytes, key: str = KEY) -> str:
    return "v1=" + hmac.new(word_key(key.encode()).encode(), body, hashlib.sha256).hexdigest()


def send(client: Any, said: dict[str, Any] | bytes, key: str = KEY, **headers: str) -> tuple[int, str]:
    """Send a message, signed as a machine with this key signs it; return status and error."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    signed = signature(body, key)
    answer = client.post(PATH, data=body, content_type="application/json", headers={SIGNATURE: signed, **headers})
    return answer.status_code, (answer.json or {}).get("error", "")


class Page:
    """A dashboard by a clock of its own, whose machine has responded once."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.clock = WoundClock()
        self.dashboard = create_dashboard(read_settings(environ), clock=self.clock)
        self.client: Any = self.dashboard.app.test_client()

    def look(self, after_s: float = 2 * CACHE_S) -> dict[str, Any]:
        self.clock.go(after_s)
        found: dict[str, Any] = self.client.get("/api/deployment").json
        return found


@pytest.fixture
def page(environ: dict[str, str], backend: FakeBackend) -> Iterator[Page]:
    backend.status = STATUS
    made = Page(environ)
    assert made.look()["state"] == "ready"
    yield made
    made.dashboard.close()


def test_it_is_asleep_since_then_for_that_reason(page: Page, backend: FakeBackend) -> None:
    assert send(page.client, word(backend, page.clock.now)) == (200, "")
    backend.sleep()
    found = page.look()
    assert found["state"] == "asleep"
    assert found["detail"].startswith("the machine stopped itself: it was idle for 15 min; ")
    assert found["ended"] == {"state": "stopping", "reason": "idle", "seconds": 900, "at": "2027-01-15T08:00:10Z"}


def test_without_one_it_is_unreachable_since_its_last_response(page: Page, backend: FakeBackend) -> None:
    backend.sleep()
    found = page.look()
    assert (found["state"], found["ended"], found["detail"]) == ("unreachable", None, DETAILS["unreachable"])
    assert found["silent_since"] == "2027-01-15T08:00:10Z"


def test_a_machine_that_removed_itself_is_gone(page: Page, backend: FakeBackend) -> None:
    assert send(page.client, word(backend, page.clock.now, state="destroying", reason="budget", seconds=7200)) == (
        200,
        "",
    )
    backend.sleep()
    found = page.look()
    assert (found["state"], found["detail"]) == ("gone", "the machine removed itself: its budget of 2 h was used up")


def test_a_later_sign_of_life_overrides_it_and_draining_is_none(page: Page, backend: FakeBackend) -> None:
    assert send(page.client, word(backend, page.clock.now)) == (200, "")
    backend.status = {**STATUS, "draining": True}
    assert page.look()["state"] == "draining"
    backend.sleep()
    assert page.look()["state"] == "asleep"
    backend.wake()
    backend.status = STATUS
    assert page.look()["state"] == "ready"
    backend.sleep()
    assert (page.look()["state"], page.look()["ended"]) == ("unreachable", None)
    assert send(page.client, word(backend, page.clock.now, run="ff", reason="asked", seconds=None)) == (200, "")
    found = page.look()
    assert (found["state"], found["ended"]["reason"]) == ("asleep", "asked")
    assert found["detail"].startswith("the machine was told to end by its owner, its cloud or its host; ")


def test_another_process_of_the_store_shows_it_too(page: Page, environ: dict[str, str], backend: FakeBackend) -> None:
    other = Page(environ)
    try:
        other.look()
        assert send(page.client, word(backend, page.clock.now)) == (200, "")
        backend.sleep()
        assert (other.look()["state"], other.look()["ended"]["reason"]) == ("asleep", "idle")
    finally:
        other.dashboard.close()


def test_a_wrong_signature_is_401_and_nothing_is_kept(page: Page, backend: FakeBackend) -> None:
    said = word(backend, page.clock.now)
    assert send(page.client, said, key="ert-another-key-0123456789abcdef")[0] == 401
    assert send(page.client, said, **{SIGNATURE: ""})[0] == 401
    assert send(page.client, said, **{SIGNATURE: "v1=" + KEY})[0] == 401
    backend.sleep()
    found = page.look()
    assert (found["state"], found["ended"]) == ("unreachable", None)


@pytest.mark.parametrize(
    ("place", "of", "status"), [(0, 1, 200), (0, 4, 200), (3, 4, 200), (7, 8, 200), (8, 9, 401), (0, 9, 401)]
)
def test_one_of_several_signatures_counts_and_more_than_eight_do_not(
    page: Page, backend: FakeBackend, place: int, of: int, status: int
) -> None:
    body = json.dumps(word(backend, page.clock.now)).encode()
    signed = [signature(body, f"ert-the-key-of-app-{n}" if n != place else KEY) for n in range(of)]
    for mark in ("", ",", ", ", " , " * 8, signature(b"") + ", é"):
        assert send(page.client, body, **{SIGNATURE: mark})[0] == 401
    page.clock.go(30)
    assert send(page.client, body, **{SIGNATURE: ", ".join(signed)})[0] == status


def test_a_word_that_is_repeated_old_or_of_an_earlier_run_is_rejected(page: Page, backend: FakeBackend) -> None:
    now = page.clock.now
    assert send(page.client, word(backend, now, run="aa")) == (200, "")
    assert send(page.client, word(backend, now, run="aa"))[0] == 409
    page.clock.go(60)
    assert page.look()["state"] == "ready"  # which overrides it, and lets nobody repeat it
    assert send(page.client, word(backend, now, run="aa"))[0] == 409
    assert send(page.client, word(backend, now - 30, run="0b"))[0] == 409
    for late in (-FRESH_S - 1, FRESH_S + 1):
        page.clock.go(30)
        assert send(page.client, word(backend, page.clock.now + late))[0] == 409
    backend.sleep()
    assert page.look()["ended"] is None


def test_what_is_signed_and_cannot_be_used_is_400(page: Page, backend: FakeBackend) -> None:
    fields: list[dict[str, Any]] = [
        {"version": 2}, {"state": "waking"}, {"reason": "<b>"}, {"seconds": -1}, {"seconds": "x"}, {"at": None},
        {"run": "Z"}, {"run": "a" * 65}, {"run": ""}, {"certificate": "ab" * 32}, {"certificate": 7},
    ]  # fmt: skip
    bodies = [json.dumps(word(backend, page.clock.now) | one).encode() for one in fields]
    for body in (*bodies, b"", b"[]", b"{", b'{"version": 1}', b" " * LARGEST):
        page.clock.go(5)
        assert send(page.client, body)[0] == 400, body


class Endless(io.RawIOBase):
    """A body without an end, and how much of it was read."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        return len(buffer)


@pytest.mark.parametrize(
    ("declared", "status", "read"), [(str(LARGEST + 1), 413, 0), ("2000000", 413, 0), (None, 401, LARGEST)]
)
def test_a_body_above_the_limit_is_rejected_and_not_read_whole(
    page: Page, declared: str | None, status: int, read: int
) -> None:
    """Without a declared length only the first bytes are read, for which no signature is right."""
    body = Endless()
    length = {"CONTENT_LENGTH": declared} if declared else {"HTTP_TRANSFER_ENCODING": "chunked"}
    given = {"wsgi.input": body, "wsgi.input_terminated": True, **length}
    answer = page.client.post(PATH, content_type="application/json", environ_overrides=given)
    assert (answer.status_code, answer.json["success"]) == (status, False)
    assert body.taken == read


@pytest.mark.parametrize(("declared", "most"), [(b"2000000", 0), (None, 1)])
def test_the_server_of_the_start_command_rejects_it_by_its_length(
    environ: dict[str, str], start: Start, declared: bytes | None, most: int
) -> None:
    application = Application(start(environ), cast(AsyncLive, None), 1)
    lengths = [] if declared is None else [(b"content-length", declared)]
    scope = {
        "type": "http", "method": "POST", "path": PATH, "query_string": b"", "http_version": "1.1", "scheme": "http",
        "headers": [(b"content-type", b"application/json"), *lengths],
    }  # fmt: skip
    sent: list[Any] = []
    received: list[bytes] = []

    async def receive() -> dict[str, Any]:
        received.append(b"x" * 2000)
        return {"type": "http.request", "body": received[-1], "more_body": len(received) < 1000}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    application.bridge.close()
    assert (sent[0]["status"], len(received)) == (413, most)


def test_a_flood_from_one_address_leaves_one_row(page: Page, environ: dict[str, str], backend: FakeBackend) -> None:
    """With forged addresses, keys and certificates, and with ones that are signed."""

    found = fingerprint(backend)

    def burst(since: int) -> int:
        """Send 200 and return the bytes that the process holds afterwards."""
        got = set()
        for n in range(since, since + 200):
            page.clock.go(1)
            said = word(backend, page.clock.now, run=f"{n:x}", certificate=found if n % 3 else f"{n:064x}")
            claimed = {"X-Forwarded-For": f"192.0.2.{n}", "X-Real-IP": f"192.0.2.{n}"}
            got.add(send(page.client, said, key=KEY if n % 2 else f"ert-another-key-{n}", **claimed)[0])
        assert got == {200, 400, 401, 429}
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    def stored() -> tuple[list[Any], int]:
        """Return the machines of the rows, and the size of the file."""
        file = Path(environ["ERT_DASHBOARD_DB"])
        with closing(sqlite3.connect(file)) as db:
            return [machine for (machine,) in db.execute("SELECT machine FROM words")], file.stat().st_size

    tracemalloc.start()
    try:
        held, before = burst(0), stored()
        more, after = burst(200) - held, stored()
    finally:
        tracemalloc.stop()
    assert before == after
    assert after[0] == [found]
    assert more < 20_000, "bytes, for 200 messages"


def test_one_address_may_send_a_few(page: Page, backend: FakeBackend) -> None:
    got = [send(page.client, word(backend, page.clock.now + n))[0] for n in range(7)]
    assert got == [200] * 5 + [429] * 2


def test_it_needs_no_login_and_no_name_of_the_dashboard(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    behind = {"ERT_DASHBOARD_LOGIN_HEADER": "X-User", "ERT_DASHBOARD_TRUSTED_PROXIES": "192.0.2.1"}
    client: Any = start({**environ, **behind}).app.test_client()
    assert client.get("/api/deployment").status_code == 403
    assert send(client, word(backend, 0.0))[0] == 409


def test_of_replicas_each_key_speaks_for_its_own_machine(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    second = FakeBackend()
    second.key = "ert-another-key-0123456789abcdef"
    try:
        client: Any = start(replica(environ, 2, second)).app.test_client()
        assert send(client, word(second, 0.0), key=KEY)[0] == 400
        assert send(client, word(second, 0.0), key=second.key)[0] == 409
    finally:
        second.close()


def test_without_a_backend_nobody_is_believed(start: Start, backend: FakeBackend, tmp_path: Path) -> None:
    client: Any = start({"ERT_DASHBOARD_DB": str(tmp_path / "one.sqlite3")}).app.test_client()
    assert send(client, word(backend, 0.0))[0] == 401


def test_what_the_real_guard_sends_is_taken(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    client: Any = start(environ).app.test_client()
    taken: list[int] = []

    def post(url: str, call: Call, _: float) -> tuple[int, bytes]:
        assert url == "https://app.example"
        answer = client.post(call.path, data=call.body, headers=dict(call.headers))
        taken.append(answer.status_code)
        return answer.status_code, answer.data

    settings = guard_settings.load({"ERT_APP_URLS": "https://app.example", "ERT_DATA_DIR": "/nonexistent"})
    record = Activity(
        settings.run,
        1,
        word_keys=f"{word_key(b'of another app')} {word_key(KEY.encode())}",
        certificate=fingerprint(backend),
    )
    assert LastWord(settings, print, post).say(Action.STOP, Cause(Why.NOT_READY, 2700.0), record)
    assert taken == [200]
    backend.sleep()
    found = client.get("/api/deployment").json
    assert found["detail"].startswith("the machine stopped itself: it was not ready within 45 min; ")


WORD = GuardWord("stopping", "idle", 900.0, 1.0, RUN, "ab" * 32)
STOPS = Machine(idle_stop=1200)


@pytest.mark.parametrize(
    ("phase", "age", "state"),
    [
        (None, 10**6, "asleep"), ("unknown", 5, "asleep"), ("asleep", 5, "asleep"), ("waking", 5, "waking"),
        ("gone", 5, "gone"), ("ready", SETTLE_S, "asleep"), ("ready", SETTLE_S + 1, "unreachable"),
    ],
)  # fmt: skip
def test_beside_the_word_of_an_agent(phase: Any, age: float, state: str) -> None:
    assert silent_state(phase, None, STOPS, 0.0, (WORD, age)) == state


def test_a_word_in_the_store_of_another_release_is_none() -> None:
    assert stored_word(WORD.text()) == WORD
    for text in ("", "[]", "{}", "7", WORD.text().replace("idle", "bored")):
        assert stored_word(text) is None


def test_the_store_keeps_the_latest_of_each_machine(opens: Open) -> None:
    one, other = opens(), opens()
    assert one.words.find("a") is None
    assert [one.words.keep("a", at, f"at {at}", 10 + at) for at in (5.0, 5.0, 4.0, 6.0)] == [True, False, False, True]
    assert other.words.keep("b", 1.0, "of b", 1.0)
    assert (other.words.find("a"), one.words.find("b")) == ("at 6.0", "of b")
    other.words.override("a", 16.0)
    assert one.words.find("a") == "at 6.0", "it was received then, not before"
    other.words.override("a", 16.5)
    assert (one.words.find("a"), one.words.find("b")) == (None, "of b")
    assert not one.words.keep("a", 6.0, "again", 20.0), "what was overridden is not repeated"
    for number in range(MOST_MACHINES):
        one.words.keep(f"m{number}", 1.0, "text", 100.0 + number)
    assert one.words.find("b") is None
    assert other.words.find(f"m{MOST_MACHINES - 1}") == "text"

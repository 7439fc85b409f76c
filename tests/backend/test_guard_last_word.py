"""The guard's last message to the apps: signed, once, without a secret, and never in the way of the order."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ert_backend.base.activity import Activity, read_activity, write_activity
from ert_backend.base.board import HALF, Board
from ert_backend.base.clock import boot_seconds
from ert_backend.edge.key_store import MOST, word_key
from ert_backend.guard.__main__ import House, _shut_down
from ert_backend.guard.clouds.cloud import Call
from ert_backend.guard.last_word import LEAST, PATH, SIGNATURE, LastWord, Post
from ert_backend.guard.memory import LatestTimes
from ert_backend.guard.off_switch import AGAIN, TICK
from ert_backend.guard.rules import Action, Cause, Why
from tests.support.backend.guarded import Machine, settings_for
from tests.support.doubles.vast_self_api import FakeVast

API_KEY = b"ert-an-api-key"
CERTIFICATE = "ab" * 32


class Apps(ThreadingHTTPServer):
    """Apps at one address; `hold` keeps the response back."""

    daemon_threads = True

    def __init__(self, status: int = 200, *, hold: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.go = status, threading.Event()
        self.got: list[tuple[str, str, bytes]] = []
        if not hold:
            self.go.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Apps

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers[SIGNATURE], body))
        self.server.go.wait(20)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing to stderr."""


@contextmanager
def apps(status: int = 200, *, hold: bool = False) -> Iterator[Apps]:
    with Apps(status, hold=hold) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.go.set()
            server.shutdown()
            thread.join(10)


def idle(folder: Path, vast: FakeVast, urls: str, **env: str) -> Machine:
    """Return a machine whose idle time is over, and which an app has used."""
    machine = Machine(settings_for(folder, vast.url, ERT_APP_URLS=urls, **env), age=1300)
    machine.record(**used(), claimed_at=boot_seconds() - 1.29, ready_at=boot_seconds() - 1.28)
    return machine


def used() -> dict[str, Any]:
    return {"word_keys": word_key(API_KEY), "certificate": CERTIFICATE}


def noting(urls: list[str]) -> Post:
    """Return a call that notes its address and succeeds."""

    def post(url: str, _: Call, __: float) -> tuple[int, bytes]:
        urls.append(url)
        return 200, b""

    return post


def test_it_says_why_before_the_order_and_signs_it(tmp_path: Path) -> None:
    with FakeVast() as vast, apps() as there:
        machine = idle(tmp_path, vast, there.url)
        assert machine.switch.tick() == AGAIN
        assert machine.switch.tick() == AGAIN
        assert len(vast.calls) == 2
        ((path, signature, body),) = there.got
    assert path == PATH
    assert signature == "v1=" + hmac.new(word_key(API_KEY).encode(), body, hashlib.sha256).hexdigest()
    word = json.loads(body)
    assert word.pop("at") == pytest.approx(Path(tmp_path).stat().st_ctime, abs=60)
    run = machine.switch.settings.run
    assert word == {
        "version": 1, "state": "stopping", "reason": "idle", "seconds": 1200.0, "run": run, "certificate": CERTIFICATE,
    }  # fmt: skip
    assert len(body) < 400
    assert not any(secret in body + signature.encode() for secret in (API_KEY, word_key(API_KEY).encode()))
    assert not any(word_key(API_KEY) in line for line in machine.said)
    assert word_key(API_KEY) not in repr(read_activity(machine.board, run))


def test_an_app_that_does_not_respond_delays_the_order_by_the_bound_alone(tmp_path: Path) -> None:
    with FakeVast() as vast, apps(hold=True) as there:
        machine = idle(tmp_path, vast, f"{there.url},http://127.0.0.1:9,{there.url}", ERT_CLOCK_SPEED="1000")
        began = boot_seconds()
        assert machine.switch.tick() == AGAIN
        assert LEAST <= boot_seconds() - began < LEAST + 2
        assert [call.method for call in vast.calls] == ["PUT"]
    assert "an app did not take the last message: URLError" in machine.said


def test_an_older_app_is_no_error_and_another_order_says_nothing(tmp_path: Path) -> None:
    with FakeVast([(500, {}), (200, {"success": True})]) as vast, apps(404) as there:
        machine = idle(tmp_path, vast, there.url)
        machine.switch.tick()
        assert machine.switch.tick() == AGAIN
        assert (len(vast.calls), len(there.got)) == (2, 1)
    assert machine.said.count("an app did not take the last message: status 404") == 1


def test_limits_that_change_while_it_is_sent_count(tmp_path: Path) -> None:
    with FakeVast() as vast, apps() as there:
        machine = idle(tmp_path, vast, there.url)
        post = machine.switch.last_word.post

        def slowly(*given: Any) -> tuple[int, bytes]:
            machine.switch.memory = LatestTimes()
            machine.record(**used(), claimed_at=boot_seconds() - 1.29, ready_at=boot_seconds())
            return post(*given)

        machine.switch.last_word.post = slowly
        assert machine.switch.tick() == TICK
        assert (vast.calls, len(there.got), machine.draining()) == ([], 1, False)
        assert not machine.switch.last_word.said, "the next stop is said again"


@pytest.mark.parametrize(
    ("urls", "sent"),
    [
        ("", 0),
        ("http://app.example", 0),
        ("ftp://127.0.0.1, https://user@app.example, https://app.example/path, nonsense", 0),
        (",".join(f"https://app{n}.example" for n in range(20)), 8),
        ("https://app.example/ , http://127.0.0.1:8080", 2),
    ],
)
def test_it_goes_to_https_and_to_this_machine_alone(tmp_path: Path, urls: str, sent: int) -> None:
    settings = settings_for(tmp_path, ERT_APP_URLS=urls)
    told: list[str] = []
    word = LastWord(settings, told.append, noting(told))
    record = Activity("run", 1, word_keys="a", certificate=CERTIFICATE)
    assert word.say(Action.STOP, Cause(Why.IDLE, 1), record) is bool(sent)
    assert len(told) == sent
    left_out = urls.count(",") + 1 - sent if urls else 0
    assert bool(settings.problems) is bool(left_out)


class Childless:
    """A nursery without children to end."""

    def end(self, *_: object) -> None:
        """End nothing."""

    def reap(self) -> None:
        """Collect nothing."""


@pytest.mark.parametrize(("after_an_order", "reasons"), [(False, ["asked"]), (True, ["idle"])])
def test_a_container_that_is_told_to_end_says_so_once(tmp_path: Path, after_an_order: bool, reasons: list[str]) -> None:
    with FakeVast() as vast, apps() as there:
        machine = idle(tmp_path, vast, there.url)
        machine.switch.tick() if after_an_order else machine.switch.note()
        house = SimpleNamespace(switch=machine.switch, nursery=Childless(), app=None, engine=None)
        _shut_down(machine.switch.settings, cast(House, house))
        assert [json.loads(body)["reason"] for _, _, body in there.got] == reasons
    assert machine.draining()


def test_without_a_request_that_showed_the_key_nothing_can_be_signed(tmp_path: Path) -> None:
    word = LastWord(settings_for(tmp_path, ERT_APP_URLS="https://app.example"), print)
    assert not word.say(Action.DESTROY, Cause(Why.UNCLAIMED, 1), Activity("run", 1))
    assert not word.say(Action.DESTROY, Cause(Why.UNCLAIMED, 1), None)


def test_without_a_thread_it_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sent: list[str] = []
    word = LastWord(settings_for(tmp_path, ERT_APP_URLS="https://app.example"), print, noting(sent))
    monkeypatch.setattr(threading.Thread, "start", none)
    assert word.say(Action.STOP, Cause(Why.IDLE, 1), Activity("run", 1, word_keys="a"))
    assert sent == []


def test_each_app_finds_the_signature_of_its_own_key(tmp_path: Path) -> None:
    keys = [word_key(name) for name in (b"of one app", b"of another", API_KEY)]
    signed: list[tuple[str, bytes | None]] = []

    def post(_: str, call: Call, __: float) -> tuple[int, bytes]:
        signed.append((call.headers[SIGNATURE], call.body))
        return 200, b""

    word = LastWord(settings_for(tmp_path, ERT_APP_URLS="https://app.example"), print, post)
    assert word.say(Action.STOP, Cause(Why.IDLE, 1), Activity("run", 1, word_keys=" ".join(keys)))
    ((header, body),) = signed
    assert body is not None
    assert header == ", ".join("v1=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest() for key in keys)


def test_the_largest_record_of_the_app_fits_on_the_board() -> None:
    board, large = Board(), 123_456_789.123_456_7
    times = dict.fromkeys(("at", "claimed_at", "ready_at", "work_at", "engine_owes", "engine_heard"), large)
    whole = dict.fromkeys(("idle_stop", "boot_deadline", "max_lifetime", "grant_seconds", "grant_serial"), 10**12)
    record = Activity("f" * 16, 4_000_000, in_flight=100, **times, **whole, **used())  # type: ignore[arg-type]
    record = replace(record, word_keys=" ".join([word_key(API_KEY)] * MOST), claim_kept=False)
    write_activity(board, record)
    assert read_activity(board, "f" * 16) == record
    assert HALF == 1024

"""No state of stdout stops the guard: closed, blocked or full, the guard and its off-switch keep running."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest

import ert_backend
from ert_backend.base.clock import boot_seconds, utc_now
from ert_backend.base.log_sink import LogSink
from ert_backend.guard import __main__ as guard_main
from ert_backend.guard.clouds.calls import ask, read_own
from ert_backend.guard.off_switch import AGAIN, TICK
from ert_backend.guard.rules import Action
from tests.backend.test_guard_process import Guard
from tests.support.backend.guarded import Machine, settings_for
from tests.support.backend.rig import wait_for
from tests.support.doubles.vast_self_api import FakeVast

RULES = {"ERT_CLOCK_SPEED": "1000", "ERT_BOOT_DEADLINE": "1500", "ERT_MAX_LIFETIME": "0"}

ENV = {**os.environ, "PYTHONPATH": str(Path(ert_backend.__file__).parents[1])}


def full_pipe() -> tuple[int, int]:
    """Return a full pipe without a reader."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (65_536, 4096, 1):
        try:
            while True:
                os.write(writing, b"x" * size)
        except BlockingIOError:
            continue
    os.set_blocking(writing, True)
    return reading, writing


def test_a_line_long_after_the_last_one_is_dated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app, whose lines have times, may have been silent for hours."""
    reading, writing = os.pipe()
    now = [100.0]
    monkeypatch.setattr(guard_main, "SINK", LogSink(writing))
    monkeypatch.setattr(guard_main, "boot_seconds", lambda: now[0])
    monkeypatch.setattr(guard_main, "DATED", guard_main.Dated())
    for passed, text in ((0.0, "off-switch active"), (0.5, "app started, pid 7"), (7200.0, "idle for 7200 s")):
        now[0] += passed
        guard_main.log(text)
    guard_main.SINK.settle(5)
    lines = os.read(reading, 65_536).decode().splitlines()
    assert lines[:2] == ["guard: off-switch active", "guard: app started, pid 7"]
    assert lines[3:] == ["guard: idle for 7200 s"]
    at = datetime.fromisoformat(lines[2].removeprefix("guard: at "))
    assert abs((utc_now() - at).total_seconds()) < 60
    os.close(reading)
    os.close(writing)


def test_a_reader_that_stands_still_blocks_nobody_and_is_told_what_it_missed() -> None:
    reading, writing = full_pipe()
    sink = LogSink(writing, most=10)
    started = boot_seconds()
    for number in range(100):
        sink.write(f"line {number}\n")
    sink.settle(0.05)
    assert boot_seconds() - started < 2
    assert sink.lost >= 89
    os.read(reading, 65_536)
    sink.settle(5)
    rest = os.read(reading, 65_536).decode().lstrip("x").splitlines()
    assert rest[0] == "line 0"
    assert any("log lines were left out" in line for line in rest)
    os.close(reading)
    os.close(writing)


def test_a_reader_that_is_gone_and_a_full_disk_raise_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sink = LogSink(writing)
    for number in range(3):
        sink.write(f"{number}\n")
        sink.settle(2)
    assert sink.lost
    os.close(writing)
    full = os.open("/dev/full", os.O_WRONLY)
    sink = LogSink(full)
    sink.write("line\n")
    sink.settle(2)
    assert sink.lost == 1
    os.close(full)
    sink.write("to a descriptor that is closed\n")
    sink.settle(2)


def test_without_a_thread_to_write_it_a_line_waits_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    sink = LogSink(writing)
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", no_thread)
        sink.write("one\n")
    sink.write("two\n")
    sink.settle(2)
    assert os.read(reading, 100) == b"one\ntwo\n"


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("kind", ["blocked", "gone", "full"])
def test_a_guard_whose_stdout_is_of_no_use_still_stops_its_machine(tmp_path: Path, kind: str) -> None:
    reading, writing = full_pipe()
    if kind == "gone":
        os.close(reading)
    elif kind == "full":
        writing = os.open("/dev/full", os.O_WRONLY)
    with FakeVast([(500, {}), (200, {"success": True})]) as vast:
        guard = Guard(tmp_path, writing, ERT_VAST_API=vast.url, ERT_OLLAMA_CMD="sleep 60", **RULES)
        try:
            wait_for(lambda: len(vast.calls) > 1)
            assert {call.method for call in vast.calls} == {"DELETE"}
            assert guard.process.poll() is None
        finally:
            guard.process.terminate()
            assert guard.process.wait(20) == 0


def test_a_log_that_raises_does_not_keep_the_switch_from_asking(tmp_path: Path) -> None:
    def broken(_: str) -> None:
        raise OSError("stdout is gone")

    with FakeVast([(500, {}), (200, {"success": True})]) as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=2700)
        machine.switch.log = broken
        assert machine.switch.tick() < TICK
        assert machine.switch.tick() == AGAIN
        assert len(vast.calls) == 2


def test_where_no_thread_can_be_created_the_provider_is_asked_from_the_own_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeVast() as vast:
        settings = settings_for(tmp_path, vast.url)
        monkeypatch.setattr(threading.Thread, "start", _only_of_the_double(threading.Thread.start))
        assert ask(settings, Action.STOP).success
        assert read_own(settings).value == "proven"


def _only_of_the_double(start: object) -> object:
    """Allow the provider double to create threads, and deny it to the guard."""

    def refuse(thread: threading.Thread) -> None:
        if "process_request" not in thread.name:
            raise RuntimeError("can't start new thread")
        start(thread)  # type: ignore[operator]

    return refuse


def test_a_switch_without_a_thread_takes_its_steps_where_the_children_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeVast() as vast:
        env = {"CONTAINER_ID": "4711", "CONTAINER_API_KEY": "k", "ERT_VAST_API": vast.url, "ERT_CLOCK_SPEED": "1000"}
        settings = settings_for(tmp_path, vast.url, ERT_BOOT_DEADLINE="50", ERT_CLOCK_SPEED="1000")
        house = guard_main._assemble(env, settings)
        house.nursery.children = ()
        monkeypatch.setattr(threading.Thread, "start", _only_of_the_double(threading.Thread.start))
        house.arm()
        house.switch.read_disk()
        assert house.thread is None
        pause, until = threading.Event(), boot_seconds() + 10
        while not vast.calls and boot_seconds() < until:
            house.tend()
            pause.wait(0.01)
        assert [call.method for call in vast.calls] == ["DELETE"]


def test_a_guard_that_meets_an_error_while_it_looks_goes_on(tmp_path: Path) -> None:
    house = guard_main._assemble({}, settings_for(tmp_path, ERT_GUARD="off"))
    looks: list[str] = []

    def broken() -> None:
        looks.append("broken")
        raise MemoryError

    house.nursery.tend = broken  # type: ignore[method-assign]
    house.care.probe = lambda: looks.append("the look after it")
    house.tend()
    assert looks == ["broken", "the look after it"]


def output(code: str) -> str:
    """Return the output of a separate Python process."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, check=True, timeout=20, text=True, env=ENV).stdout


def test_the_app_logs_through_the_same_sink() -> None:
    code = "from ert_backend.base import logs; logs.to_stdout(); import logging; logging.getLogger('x').info('said');"
    code += "print(type(logging.getLogger().handlers[0].stream).__name__); logs.SINK.settle(2)"
    found = output(code)
    assert "LogSink" in found
    assert '"message": "said"' in found


def test_the_last_line_of_a_process_is_written_before_it_ends() -> None:
    code = "from ert_backend.base.log_sink import LogSink; sink = LogSink(); sink.write('last\\n'); sink.settle(5)"
    for _ in range(5):
        found = output(code)
        assert found == "last\n"

"""Machines are real processes: a minimal environment, graceful termination, and no orphans."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.sandbox.runtime.machines import BOOK, Machines, Ports
from ert_deploy.sandbox.runtime.processes import ProcessIdentity
from tests.support.vast.world import PROGRAM, python, until

SLEEPER = python("import signal\nsignal.pause()")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    room = Machines(tmp_path)
    yield room
    room.stop(grace=0.2)


def ended(machines: Machines, instance: int) -> bool:
    machines.tend()
    return not machines.alive(instance)


def test_a_machine_gets_what_it_is_given_and_little_more(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SANDBOX", "x")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    machines.start(1, python(PROGRAM), {"A": "b"})
    until(lambda: machines.log(1).read_text().endswith("\n"))
    env = json.loads(machines.log(1).read_text())
    assert (env["A"], env["HOME"], env["OPENBLAS_NUM_THREADS"]) == ("b", str(machines.disk(1)), "1")
    assert "SECRET_OF_THE_SANDBOX" not in env


def test_the_command_can_depend_on_the_environment(machines: Machines) -> None:
    machines.start(1, lambda env: python(f"print({env['A']!r})"), {"A": "chosen"})
    until(lambda: ended(machines, 1))
    assert machines.log(1).read_text() == "chosen\n"


def test_the_disk_outlives_the_process_and_goes_with_the_instance(machines: Machines) -> None:
    machines.start(1, python("open('kept', 'w').close()"), {})
    until(lambda: ended(machines, 1))
    assert (machines.disk(1) / "kept").exists()
    machines.end(1, 1.0, wipe=True)
    assert not machines.folder(1).exists()


def test_a_running_machine_is_wiped_once_it_has_ended(machines: Machines) -> None:
    machines.start(1, SLEEPER, {})
    machines.end(1, 1.0, wipe=True)
    assert machines.folder(1).exists()
    until(lambda: ended(machines, 1))
    assert not machines.folder(1).exists()


def test_every_process_is_written_down_while_it_lives(machines: Machines, tmp_path: Path) -> None:
    machines.start(1, SLEEPER, {})
    pid = machines.pid(1)
    assert pid is not None
    book = tmp_path / BOOK
    assert json.loads(book.read_text()) == [
        {"pid": pid, "start_time": ProcessIdentity.of(pid).start_time, "instance": 1}
    ]
    assert book.stat().st_mode & 0o777 == 0o600
    machines.kill(1)
    until(lambda: ended(machines, 1))
    assert json.loads(book.read_text()) == []
    assert machines.pid(1) is None


def test_stop_leaves_nobody(tmp_path: Path) -> None:
    room = Machines(tmp_path)
    for instance in (1, 2):
        room.start(instance, python("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()"), {})
    pids = [room.pid(1), room.pid(2)]
    room.stop(grace=0.3)
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_machine_that_ends_by_itself_just_before_it_is_told_to_is_reaped_all_the_same(tmp_path: Path) -> None:
    room = Machines(tmp_path)
    room.start(1, python("pass"), {})
    pid = room.pid(1)
    assert pid is not None
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    room.stop(grace=5.0)
    assert not room.alive(1)


def test_a_port_is_given_once_until_it_is_taken_back() -> None:
    ports = Ports()
    first, second = ports.give(), ports.give()
    assert first != second
    assert all(21000 <= port < 32768 for port in (first, second))
    ports.take_back([first])
    assert ports.give() != second


def test_a_port_can_be_asked_for_once_and_only_if_nobody_listens_there() -> None:
    ports = Ports()
    port = ports.give()
    with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 is taken"):
        ports.claim(port)
    ports.take_back([port])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="is taken"):
        ports.claim(port)
    ports.claim(port)
    with pytest.raises(OSError, match="is taken"):
        ports.claim(port)

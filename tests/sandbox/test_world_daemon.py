"""The sandbox as a separate process: ready, found, stopped, crashed, cleaned up. The providers are small fakes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.sandbox.__main__ import main
from ert_deploy.sandbox.runtime.processes import ProcessIdentity
from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.file import NotRunning, WorldError, attach, is_alive

FAKES = textwrap.dedent(
    """
    import json, subprocess, sys
    from pathlib import Path
    from ert_deploy.sandbox.world import daemon
    from ert_deploy.sandbox.httpd.faults import Faults
    from ert_deploy.sandbox.runtime.processes import ProcessIdentity
    from ert_deploy.sandbox.world.world import World

    class Sheet:
        def as_dict(self):
            return {"total": 1.25, "running": []}

    class Vast:
        url = "http://127.0.0.1:1"
        def __init__(self, setting):
            self.directory, self.faults = setting.directory / "vast", Faults()
        def start(self):
            self.child = subprocess.Popen(["sleep", "600"])
            mark = ProcessIdentity.of(self.child.pid)
            row = {"pid": mark.pid, "start_time": mark.start_time}
            (self.directory / "machine-processes.json").write_text(json.dumps([row]))
        def stop(self):
            self.child.terminate()
            self.child.wait()
        def trouble(self, what): ...
        def end_trouble(self, kind): ...
        def active_troubles(self): return set()
        def bill(self): return Sheet()
        def instances(self): return [{"id": 7}]

    class Render:
        url = "http://127.0.0.1:2/v1"
        def __init__(self, setting): self.faults = Faults()
        def start(self):
            if BROKEN: raise RuntimeError("the dashboard did not come up")
        def stop(self): ...
        def trouble(self, what): ...
        def end_trouble(self, kind): ...
        def active_troubles(self): return set()
        def add_service(self, name, env): return "srv-1"
        def app_url(self, service_id): return "http://127.0.0.1:3"
        def inspect(self): return {"services": [{"id": "srv-1"}]}

    directory, BROKEN = Path(sys.argv[1]), sys.argv[2] == "broken"
    make = lambda: World(directory, speed=10.0, images=directory, make_vast=Vast, make_render=Render)
    raise SystemExit(daemon.run_world(directory, make))
    """
)
Start = Callable[..., Any]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "world"
    with contextlib.suppress(NotRunning):
        daemon.stop(tmp_path / "world")


@pytest.fixture
def start(tmp_path: Path, directory: Path) -> Start:
    script = tmp_path / "fakes.py"
    script.write_text(FAKES)

    def begin(mode: str = "fine") -> Any:
        return daemon.start(directory, command=[sys.executable, str(script), str(directory), mode])

    return begin


def machine(directory: Path) -> ProcessIdentity:
    (row,) = json.loads((directory / "vast" / "machine-processes.json").read_text())
    return ProcessIdentity(row["pid"], row["start_time"])


def test_a_started_world_is_ready_and_found_by_others(start: Start, directory: Path) -> None:
    world = start()
    assert attach(directory) == world
    assert is_alive(world)
    assert (directory / "world.json").stat().st_mode & 0o777 == 0o600
    state = daemon.status(directory)
    assert state is not None
    assert state["machines"] == [{"id": 7}]
    assert state["speed"] == 10.0
    assert not {"vast_key", "render_key", "control_key"} & set(state)


def test_starting_twice_gives_the_same_world(start: Start) -> None:
    assert start() == start()


def test_two_that_start_at_once_get_the_same_world(start: Start, directory: Path, tmp_path: Path) -> None:
    argv = [sys.executable, str(tmp_path / "fakes.py"), str(directory), "fine"]
    daemon._claim(directory)
    with subprocess.Popen(argv) as other:
        world = start()
        assert attach(directory) == world
        if world.pid != other.pid:  # it finds this world, however late it starts
            assert other.wait() == daemon.BUSY_EXIT
        while True:
            try:
                daemon.stop(directory)
                break
            except WorldError as busy:  # the other process is checking whether it may start
                if "try again in a moment" not in str(busy):
                    raise
    assert other.returncode == (0 if world.pid == other.pid else daemon.BUSY_EXIT)


def test_stop_returns_the_bill_and_leaves_no_process(start: Start, directory: Path) -> None:
    world = start()
    mark = machine(directory)
    assert mark.alive()
    assert daemon.stop(directory) == {"total": 1.25, "running": []}
    assert not mark.alive()
    assert not is_alive(world)
    assert not (directory / "world.json").exists()
    assert daemon.status(directory) is None


def test_a_world_that_never_was_cannot_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no sandbox is running"):
        daemon.stop(tmp_path)


def test_stopping_twice_gives_the_same_bill(start: Start, directory: Path) -> None:
    start()
    assert daemon.stop(directory) == daemon.stop(directory)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything(start: Start, directory: Path, number: int) -> None:
    world = start()
    mark = machine(directory)
    os.kill(world.pid, number)
    assert os.waitpid(world.pid, 0)[1] == 0
    assert not mark.alive()
    assert json.loads((directory / "bill.json").read_text())["total"] == 1.25


def test_a_killed_daemon_leaves_machines_that_stop_ends(start: Start, directory: Path) -> None:
    world = start()
    mark = machine(directory)
    while not (directory / "bill.json").exists():
        time.sleep(0.05)  # noqa: TID251
    os.kill(world.pid, signal.SIGKILL)
    os.waitpid(world.pid, 0)
    assert mark.alive()
    assert daemon.status(directory) is None
    with pytest.raises(NotRunning, match="is not running any more"):
        attach(directory)
    assert daemon.stop(directory) == {"total": 1.25, "running": [], "interrupted": True}
    assert not mark.alive()


def test_a_new_start_cleans_up_after_a_killed_daemon(start: Start, directory: Path) -> None:
    first = start()
    mark = machine(directory)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    second = start()
    assert second.pid != first.pid
    assert not mark.alive()


def test_a_damaged_world_file_does_not_lock_anybody_out(start: Start, directory: Path) -> None:
    start()
    daemon.stop(directory)
    (directory / "world.json").write_text("{}")
    assert is_alive(start())


def test_a_world_that_does_not_come_up_shows_the_end_of_its_log(start: Start, directory: Path) -> None:
    with pytest.raises(WorldError, match=r"(?s)did not start.*the dashboard did not come up"):
        start("broken")
    assert not (directory / "world.json").exists()


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(WorldError, match="is not empty and no sandbox directory"):
        daemon.start(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_daemon_does_not_hold_the_output_of_who_started_it(tmp_path: Path, directory: Path) -> None:
    (tmp_path / "fakes.py").write_text(FAKES)
    code = "import sys; from pathlib import Path; from ert_deploy.sandbox.world import daemon; "
    code += "daemon.start(Path(sys.argv[1]), command=[sys.executable, sys.argv[2], sys.argv[1], 'fine'])"
    argv = [sys.executable, "-c", code, str(directory), str(tmp_path / "fakes.py")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert os.getsid(attach(directory).pid) != os.getsid(0)


def test_the_command_line_prints_data_on_stdout_and_problems_on_stderr(
    start: Start, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--world", str(directory)]) == 1
    assert main(["stop", "--world", str(directory)]) == 1
    assert main(["start", "--world", str(directory), "--speed", "0"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("no sandbox is running in") == 2
    start()
    assert main(["start", "--world", str(directory)]) == 0
    assert json.loads(capsys.readouterr().out)["service_name"] == "ert-dashboard"
    assert main(["stop", "--world", str(directory)]) == 0
    assert json.loads(capsys.readouterr().out) == {"total": 1.25, "running": []}

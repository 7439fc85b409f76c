"""The sandbox's file and lifecycle: its published data, reading it back, and the cleanup when a component fails."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.sandbox.httpd.faults import Faults
from ert_deploy.sandbox.runtime.processes import ProcessIdentity, end_processes, recorded
from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.file import NotRunning, WorldError, WorldFile, attach, is_alive, save
from ert_deploy.sandbox.world.paths import images_folder
from ert_deploy.sandbox.world.seed_env import unrelated_env
from ert_deploy.sandbox.world.world import Setting, World


class Sheet:
    def as_dict(self) -> dict[str, Any]:
        return {"running": ["C.7"]}


class FakeVast:
    url = "http://127.0.0.1:1"

    def __init__(self, setting: Setting) -> None:
        self.setting, self.faults, self.up = setting, Faults(), False

    def start(self) -> None:
        self.up = True

    def stop(self) -> None:
        self.up = False

    def trouble(self, what: dict[str, Any]) -> None: ...

    def end_trouble(self, kind: str) -> None: ...

    def active_troubles(self) -> set[str]:
        return set()

    def bill(self) -> Sheet:
        assert self.up
        return Sheet()

    def instances(self) -> list[Any]:
        return []


class FakeRender:
    url = "http://127.0.0.1:2/v1"

    def __init__(self, setting: Setting) -> None:
        self.faults, self.env = Faults(), dict[str, str]()

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def trouble(self, what: dict[str, Any]) -> None: ...

    def end_trouble(self, kind: str) -> None: ...

    def active_troubles(self) -> set[str]:
        return set()

    def add_service(self, name: str, env: Mapping[str, str]) -> str:
        self.env = dict(env)
        return f"srv-{name}"

    def app_url(self, service_id: str) -> str:
        return f"http://127.0.0.1:3/{service_id}"

    def inspect(self) -> dict[str, Any]:
        return {}


class BrokenRender(FakeRender):
    def add_service(self, name: str, env: Mapping[str, str]) -> str:
        raise RuntimeError("first deploy finished as build_failed")


def a_file(pid: int = 1, **more: Any) -> WorldFile:
    return WorldFile(
        pid=pid,
        start_time=ProcessIdentity.of(pid).start_time,
        speed=20.0,
        epoch_wall=1.0,
        epoch_world=2.0,
        vast_url="http://127.0.0.1:1",
        render_url="http://127.0.0.1:2/v1",
        control_url="http://127.0.0.1:3",
        vast_key="vast secret",
        render_key="render secret",
        control_key="control secret",
        service_id="srv-1",
        service_name="ert-dashboard",
        app_url="http://127.0.0.1:4",
        model=None,
        **more,
    )


def test_a_world_publishes_itself_and_takes_itself_back(tmp_path: Path) -> None:
    world = World(tmp_path / "w", images=tmp_path, make_vast=FakeVast, make_render=FakeRender)
    published = world.start()
    assert attach(tmp_path / "w") == published
    assert published.pid == os.getpid()
    assert published.app_url == "http://127.0.0.1:3/srv-ert-dashboard"
    assert published.clock == world.clock
    assert world.stop() == {"running": ["C.7"]}
    with pytest.raises(NotRunning):
        attach(tmp_path / "w")


def test_every_world_has_keys_of_its_own(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        with World(tmp_path / name, images=tmp_path, make_vast=FakeVast, make_render=FakeRender) as world:
            assert world.file is not None
            keys += [world.file.vast_key, world.file.render_key, world.file.control_key]
    assert len(set(keys)) == 6


def test_a_part_that_fails_takes_the_others_down(tmp_path: Path) -> None:
    made: list[FakeVast] = []

    def make(setting: Setting) -> FakeVast:
        made.append(FakeVast(setting))
        return made[-1]

    world = World(tmp_path / "w", images=tmp_path, make_vast=make, make_render=BrokenRender)
    with pytest.raises(RuntimeError, match="build_failed"):
        world.start()
    assert not made[0].up
    assert not (tmp_path / "w" / "world.json").exists()


def test_keys_do_not_show_in_a_repr() -> None:
    assert "secret" not in repr(a_file())


def test_the_service_has_more_variables_than_a_page_and_none_of_ours() -> None:
    env = unrelated_env(1)
    assert 20 < len(env) < 40
    assert env == unrelated_env(1) != unrelated_env(2)
    assert any("\n" in v for v in env.values())
    assert any(ord(c) > 0xFFFF for v in env.values() for c in v)
    owned = ("ERT_LLM", "REMOTE_LLM", "OLLAMA", "OPENAI", "ERT_PORT", "PORT")
    assert not [name for name in env if name.startswith(owned)]


def test_a_file_that_was_never_written_means_not_running(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no sandbox is running in"):
        attach(tmp_path)


def test_a_process_that_is_gone_means_not_running(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        world = a_file(child.pid)
        save(tmp_path, world)
        assert attach(tmp_path) == world
        child.kill()
    with pytest.raises(NotRunning, match=f"process {child.pid} is gone"):
        attach(tmp_path)


def test_a_stranger_with_the_same_pid_is_not_taken_for_the_world() -> None:
    mine = a_file(os.getpid())
    assert is_alive(mine)
    assert not is_alive(replace(mine, start_time=mine.start_time - 1))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, r"written by another version \(2, this one writes 1\)"),
        ({"speed": "fast"}, "corrupt: speed is 'fast'"),
        ({"vast_url": None}, "corrupt: vast_url is None"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    (tmp_path / "world.json").write_text(json.dumps({**asdict(a_file()), **change}))
    with pytest.raises(WorldError, match=problem):
        attach(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}'])
def test_a_torn_file_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "world.json").write_text(text)
    with pytest.raises(WorldError, match=r"world\.json"):
        attach(tmp_path)


@pytest.mark.parametrize("name", ["vast_url", "render_url", "control_url", "app_url"])
@pytest.mark.parametrize(
    "url", ["https://evil.example", "http://127.0.0.1@evil.example", "http://10.0.0.1", "http://["]
)
def test_a_file_that_came_with_a_clone_leads_nowhere_else(tmp_path: Path, name: str, url: str) -> None:
    (tmp_path / "world.json").write_text(json.dumps({**asdict(a_file(os.getpid())), name: url}))
    with pytest.raises(WorldError, match=f"corrupt: {name} is not on loopback"):
        attach(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="without start times a pid is all there is")
def test_a_pid_alone_ends_no_process(tmp_path: Path) -> None:
    """A process that plants the file can guess a PID, but not its start time."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        save(tmp_path, replace(a_file(stranger.pid), start_time=0))
        (tmp_path / "sandbox.lock").touch()
        assert not is_alive(replace(a_file(stranger.pid), start_time=0))
        daemon.stop(tmp_path)
        assert stranger.poll() is None
        stranger.kill()


def test_a_file_of_another_user_a_link_or_a_pipe_is_no_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, a_file(os.getpid()))
    for folder in ("link", "pipe"):
        (tmp_path / folder).mkdir()
    (tmp_path / "link" / "world.json").symlink_to(tmp_path / "world.json")
    os.mkfifo(tmp_path / "pipe" / "world.json")
    for folder in ("link", "pipe"):
        with pytest.raises(WorldError, match="can't be read"):
            attach(tmp_path / folder)
    attach(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(WorldError, match="no plain file of this user"):
        attach(tmp_path)


def test_leftovers_are_ended_only_if_they_are_still_themselves(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as ours, subprocess.Popen(["sleep", "60"]) as stranger:
        marks = [ProcessIdentity.of(ours.pid), ProcessIdentity.of(stranger.pid)]
        rows = [
            {"pid": marks[0].pid, "start_time": marks[0].start_time},
            {"pid": marks[1].pid, "start_time": marks[1].start_time + 1},
            {"pid": os.getpid(), "start_time": 0},
        ]
        (tmp_path / "vast").mkdir()
        (tmp_path / "vast" / "machine-processes.json").write_text(json.dumps(rows))
        (tmp_path / "torn-processes.json").write_text("[{")
        assert end_processes(recorded(tmp_path)) == [marks[0]]
        assert ours.wait(5) == -15
        assert marks[1].alive()
        stranger.kill()


def test_one_that_ignores_sigterm_is_killed() -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen(["python3", "-c", stubborn], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        end_processes([ProcessIdentity.of(child.pid)], patience=0.2)
        assert child.wait(5) == -9


def test_the_images_are_those_of_the_wheel_or_else_of_the_checkout(tmp_path: Path) -> None:
    package = tmp_path / "site" / "ert_deploy"
    package.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="llm-backend and dashboard are missing"):
        images_folder(package)
    for folder in (tmp_path / "site" / "images", package / "_bundled" / "images"):
        for name in ("llm-backend", "dashboard"):
            (folder / name).mkdir(parents=True)
        assert images_folder(package) == folder


def test_the_clock_of_a_world_does_not_overtake_the_clocks_of_clients_for_hours(tmp_path: Path) -> None:
    clock = World(tmp_path, speed=20.0, make_vast=FakeVast, make_render=FakeRender).clock
    assert 4 * 86400 < time.time() - clock.now() < 6 * 86400
    assert (time.time() - clock.now()) / (clock.speed - 1) > 6 * 3600
    assert World(tmp_path, speed=1.0).clock.now() == pytest.approx(time.time(), abs=5)

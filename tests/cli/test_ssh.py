"""`ert-deploy ssh` against a scripted Vast and a real SSH server on loopback, and its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest

from ert_deploy.cli import main
from ert_deploy.sandbox.httpd.server import Reply, Request, Router, Server
from tests.support.doubles.ssh_server import Sshd, sshd

KEY, HOST_KEY = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass
class World:
    """Test environment: a directory with a config, a scripted Vast that lists `rows`, and an SSH server."""

    folder: Path
    ssh: Sshd
    rows: list[dict[str, Any]] = field(default_factory=list)

    def list(self, _request: Request) -> Reply:
        page = {"success": True, "instances": self.rows, "total_instances": len(self.rows), "next_token": None}
        return Reply.json(page)

    def row(self, number: int = 7, **changes: Any) -> dict[str, Any]:
        return {
            "id": number,
            "label": f"ert1:ert:{TOKEN}",
            "extra_env": [["ERT_DEPLOYMENT", "ert"], ["ERT_TOKEN", TOKEN]],
            "actual_status": "running",
            "intended_status": "running",
            "image_runtype": "ssh_direct",
            "public_ipaddr": "127.0.0.1\n",
            "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(self.ssh.port)}]},
            **changes,
        }


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAST_API_KEY", "vast-canary-0123456789")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    KEY.write_private_key_file(str(tmp_path / "id"))
    router = Router()
    with sshd(KEY, HOST_KEY) as ssh:
        w = World(tmp_path, ssh)
        w.rows = [w.row()]
        router.add("GET", "/api/v1/instances/", "list", w.list)
        server = Server(router).start()
        config(tmp_path, server.url, "true")
        yield w
        server.stop()


def config(folder: Path, url: str, debug_ssh: str) -> None:
    (folder / "mine.yaml").write_text(
        f"deployment: ert\nlaunch: {{image: 'me/backend:1', model: 'gpt-oss:20b', debug_ssh: {debug_ssh}}}\n"
        f"offer: {{max_dph: 0.5}}\nvast: {{url: '{url}'}}\nrender: {{services: [{{name: dash}}]}}\n"
    )


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["ssh", "-c", "mine.yaml", *words])
    return int(ended.value.code or 0)


def test_a_command_runs_on_the_machine_and_its_exit_code_is_ours(world: World, capfdbinary: Any) -> None:
    assert run("--identity", "id", "--", "both") == 0
    assert capfdbinary.readouterr() == (b"to out\n", b"to err\n")
    assert run("--identity", "id", "--", "exit", "42") == 42
    assert world.ssh.commands == ["both", "exit 42"]
    assert (world.folder / ".ert" / "known_hosts").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("debug_ssh", ["true", "false"])
def test_a_sandbox_has_no_machine_to_enter(world: World, debug_ssh: str, capsys: pytest.CaptureFixture[str]) -> None:
    """That comes first: who turns debug_ssh on there would only be told so afterwards."""
    config(world.folder, "http://127.0.0.1:1", debug_ssh)
    text = (world.folder / "mine.yaml").read_text().partition("vast:")[0]
    (world.folder / "mine.yaml").write_text(f"{text}sandbox: {{}}\nrender: {{services: [{{name: dash}}]}}\n")
    assert run("--", "both") == 2
    said = capsys.readouterr().err
    assert "the sandbox's machines are processes of this computer and have no SSH server" in said
    assert "ert-deploy logs" in said


def test_words_are_quoted_and_a_line_is_left_alone(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    run("--identity", "id", "--", "ls", "a b")
    run("--identity", "id", "--", "ls a | wc")
    assert world.ssh.commands == ["ls 'a b'", "ls a | wc"]


def test_as_json(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--identity", "id", "--json", "--", "both") == 0
    said = json.loads(capfd.readouterr().out)
    assert said == {"version": 1, "instance": "7", "exit_code": 0, "stdout": "to out\n", "stderr": "to err\n"}


def test_an_instance_that_is_not_ours_is_never_entered(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.rows = [world.row(8, extra_env=[]), world.row(9, label="somebody else's")]
    assert run("--identity", "id", "--", "both") == 2
    assert "ert has no instance" in capfd.readouterr().err
    assert world.ssh.commands == []


@pytest.mark.parametrize(
    ("changes", "said", "hint"),
    [
        ({"intended_status": "stopped"}, "instance 7 is asleep", "ert-deploy wake"),
        ({"ports": None}, "instance 7 has no SSH address yet", "ert-deploy up"),
        ({"image_runtype": "args"}, "instance 7 has no SSH address yet", "ert-deploy up"),
    ],
)
def test_a_machine_without_a_shell_is_said(
    world: World, capfd: pytest.CaptureFixture[str], changes: dict[str, Any], said: str, hint: str
) -> None:
    world.rows = [world.row(**changes)]
    assert run("--identity", "id", "--", "both") == 2
    error = capfd.readouterr().err.splitlines()
    assert error[0] == f"error: {said}"
    assert hint in error[1]


def test_switched_off_nothing_is_asked(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    config(world.folder, "http://127.0.0.1:9", "false")
    assert run("--", "both") == 2
    said = capfd.readouterr().err
    assert said == (
        "error: debug_ssh is off in the config\n"
        "hint: set launch/debug_ssh: true; the instance is replaced\n"
    )  # fmt: skip


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_without_a_command_and_a_terminal_it_is_a_slip(
    world: World, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(*words) == 2
    assert "there is no COMMAND" in capfd.readouterr().err


def test_a_terminal_obeys_nothing_the_machine_says(world: World) -> None:
    import os
    import pty
    import subprocess
    import sys

    ours, theirs = pty.openpty()
    code = "from ert_deploy.cli import main; main()"
    words = ["ssh", "-c", "mine.yaml", "--identity", "id", "--", "escapes"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", code, *words], stdout=theirs, env=env, timeout=30, check=True)
    os.close(theirs)
    assert done.returncode == 0
    assert os.read(ours, 1000) == b"red alert\r\nno end\r\n"
    os.close(ours)


def test_exec_is_the_same_with_a_command_that_is_required(world: World, capfdbinary: Any) -> None:
    for words, code in [(("--identity", "id", "--", "both"), 0), ((), 2)]:
        with pytest.raises(SystemExit) as ended:
            main(["exec", "-c", "mine.yaml", *words])
        assert int(ended.value.code or 0) == code
    assert capfdbinary.readouterr().out == b"to out\n"

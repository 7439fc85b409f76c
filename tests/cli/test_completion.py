"""Completion: the scripts of three shells, and what they complete: commands, options, configs, instances."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.app.assist.completion import config_names, instance_ids
from ert_deploy.cli import COMMANDS, main
from ert_deploy.core.model.state import State
from ert_deploy.sandbox.world.kinds import kinds
from tests.cli.test_commands_call_app import CONFIG
from tests.support.situations import record

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERT_CONFIG", raising=False)
    Path("configs").mkdir()
    Path("configs/my-app.yaml").write_text(CONFIG)
    Path("configs/odd name; rm.yaml").write_text("")


def completed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return what the program completes the last word to, as bash requests it."""
    monkeypatch.setenv("_ERT_DEPLOY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["ert-deploy", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert not ended.value.code
    return [line.removeprefix("plain,") for line in capfd.readouterr().out.splitlines() if line]


def stored() -> None:
    store = StateFile(Path(".ert/ert.json"), "ert", RealClock())
    store.save(State("ert", records=(record(27000011), record(35000012))))


def test_commands_and_options(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert completed(monkeypatch, capfd, "st") == [name for name in COMMANDS if name.startswith("st")]
    assert completed(monkeypatch, capfd, "state", "un") == ["unlock"]
    assert "--wait-for-offer" in completed(monkeypatch, capfd, "up", "--")
    assert completed(monkeypatch, capfd, "completion", "") == ["bash", "zsh", "fish"]


def test_configs_by_name(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert completed(monkeypatch, capfd, "up", "-c", "") == ["ert", "my-app", "sandbox"]
    assert completed(monkeypatch, capfd, "status", "--config", "my") == ["my-app"]
    assert config_names("odd") == (), "a name that a shell would have to quote"


def test_instances_of_the_state_of_that_config(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert completed(monkeypatch, capfd, "destroy", "-c", "my-app", "") == []
    stored()
    assert completed(monkeypatch, capfd, "destroy", "-c", "my-app", "") == ["27000011", "35000012"]
    assert completed(monkeypatch, capfd, "logs", "-c", "my-app", "--instance", "35") == ["35000012"]
    Path(".ert/ert.json").write_text("{")
    assert instance_ids("my-app") == ()
    assert instance_ids("nowhere") == ()


def test_troubles_of_the_sandbox_and_their_fields(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    every = completed(monkeypatch, capfd, "sandbox", "break", "")
    assert every == [one.name for one in kinds()]
    assert completed(monkeypatch, capfd, "sandbox", "break", "gpu") == ["gpu_taken"]
    assert completed(monkeypatch, capfd, "sandbox", "break", "vast/") == ["vast/crash"]
    assert completed(monkeypatch, capfd, "sandbox", "break", "foreign_env", "--set", "") == ["set=", "unset="]
    assert completed(monkeypatch, capfd, "sandbox", "break", "foreign_env", "--set", "un") == ["unset="]
    assert completed(monkeypatch, capfd, "sandbox", "break", "no_such_kind", "--set", "") == []
    assert completed(monkeypatch, capfd, "sandbox", "break", "nothing") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_the_program_and_asks_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", shell])
    assert not ended.value.code
    script = capsys.readouterr().out
    assert "_ERT_DEPLOY_COMPLETE=" in script
    assert f"{shell}_complete" in script
    if found := shutil.which(shell):
        subprocess.run([found, "-n", "-c" if shell != "fish" else "--command", script], check=True)


@pytest.mark.process
def test_a_real_bash_completes_a_config(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "ert-deploy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ert_deploy.cli "$@"\n')
    program.chmod(0o755)
    typed = (
        'eval "$(ert-deploy completion bash)"; COMP_WORDS=(ert-deploy up -c my); COMP_CWORD=3; '
        "_ert_deploy_completion ert-deploy; echo ${COMPREPLY[@]}"
    )
    env = {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", typed], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == ["my-app"], done.stderr

"""The concurrency group of a run: named after the deployment in the config, however its path is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ert_deploy.app.deployment import open_deployment
from tests.support.action.runner import ROOT, orders

SCRIPT = ROOT / "ci" / "action" / "deployment.py"


def read(folder: Path, config: str, directory: str = ".") -> tuple[int, str, str]:
    """Return the exit code, the log, and the outputs."""
    out = folder / "output"
    out.unlink(missing_ok=True)
    out.touch()
    given = {"ERT_ACTION_CONFIG": config, "ERT_ACTION_DIRECTORY": directory, "GITHUB_WORKSPACE": str(folder)}
    env = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(out), **given}
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout, out.read_text()


def config(folder: Path, text: str, name: str = "my") -> None:
    (folder / "configs").mkdir(exist_ok=True)
    (folder / "configs" / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize(
    "spelled", ["my", "configs/my.yaml", "./configs/my.yaml", "configs//my.yaml", "configs/./my.yaml"]
)
def test_every_spelling_of_a_config_is_one_deployment(tmp_path: Path, spelled: str) -> None:
    config(tmp_path, "# mine\ndeployment: shop-1   # its name\nowner: x\n")
    assert read(tmp_path, spelled) == (0, "", "deployment=shop-1\n")


def test_two_configs_of_one_deployment_are_one(tmp_path: Path) -> None:
    config(tmp_path, "deployment: shop\n", "small")
    config(tmp_path, "offer:\n  max_dph: 1\ndeployment: 'shop'\r\n", "large")
    assert read(tmp_path, "small") == read(tmp_path, "large") == (0, "", "deployment=shop\n")


def test_it_is_the_deployment_that_the_program_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    config(tmp_path / "elsewhere", (ROOT / "configs" / "sandbox.yaml").read_text())
    monkeypatch.chdir(tmp_path / "elsewhere")
    for spelled in ("my", "configs/my.yaml", "sandbox"):
        found = open_deployment(spelled).name
        assert read(tmp_path, spelled, "elsewhere") == (0, "", f"deployment={found}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: x\n",
        "deployment: a\ndeployment: b\n",
        "deployment: x y\n",
        'deployment: "a\n',
        "deployment: >-\n  a\n",
        "deployment: a::b\n",
        "deployment: a\\nb=c\n",
        "about:\n  deployment: nested\n",
        "{deployment: a}\n",
    ],
)
def test_what_does_not_say_it_on_a_line_of_its_own_is_refused(tmp_path: Path, text: str) -> None:
    config(tmp_path, text)
    code, log, out = read(tmp_path, "my")
    assert (code, out) == (2, "")
    assert log == "::error title=ert-deploy::the config has to contain `deployment: NAME` once, on a line of its own\n"


@pytest.mark.parametrize("spelled", ["none", "configs/none.yaml", "", "::add-path::/tmp", "my\n::set-output name=x::y"])
def test_a_config_that_is_not_there_is_refused_without_its_name(tmp_path: Path, spelled: str) -> None:
    config(tmp_path, "deployment: a\n")
    code, log, out = read(tmp_path, spelled)
    assert (code, out) == (2, "")
    assert orders(log) == ["error title=ert-deploy"]
    assert spelled == "" or spelled not in log

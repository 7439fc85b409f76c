"""The check step: which inputs are rejected, and that no input is ever executed or printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.action.runner import Job, Ran, orders

EVIL = [
    "$(touch x)",
    "`touch x`",
    "up; touch x",
    "up\ntouch x",
    "${{ github.token }}",
    "x\n::add-path::/tmp/x",
    "-h",
    "é",
]


def use(folder: Path, **given: str) -> Ran:
    job = Job(workspace=folder, temp=folder / "runner")
    ran = job.use(**{"command": "plan", "config": "sandbox", **given})
    assert not (job.temp / "ert-deploy").exists(), "something was installed"
    assert sorted(p.name for p in folder.iterdir()) == ["runner"], "something was made in the workspace"
    return ran


@pytest.mark.parametrize("command", [*EVIL, "", "UP", "up down", "sandbox"])
def test_a_command_that_is_none_of_them_is_refused(tmp_path: Path, command: str) -> None:
    ran = use(tmp_path, command=command)
    assert ran.code == 2
    words = "up, sleep, wake, down, rotate, plan, status, reap"
    assert ran.log == f'::error title=ert-deploy::input "command" must be one of {words}\n'


@pytest.mark.parametrize("config", [*EVIL, "", "my config.yaml"])
def test_a_config_that_cannot_be_a_name_or_path_is_refused(tmp_path: Path, config: str) -> None:
    ran = use(tmp_path, config=config)
    assert ran.code == 2
    assert 'input "config" must be' in ran.log
    assert orders(ran.log) == ["error title=ert-deploy"]


@pytest.mark.parametrize("folder", [*EVIL, "no/such"])
def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, folder: str) -> None:
    ran = use(tmp_path, working_directory=folder)
    assert ran.code == 2
    assert orders(ran.log) == ["error title=ert-deploy"]
    assert folder not in ran.log


@pytest.mark.parametrize(
    ("role", "region"),
    [
        ("arn:aws:iam::123456789012:role/$(touch x)", "eu-central-1"),
        ("arn:aws:iam::1:role/state", "eu-central-1"),
        ("arn:aws:iam::123456789012:role/state", ""),
        ("arn:aws:iam::123456789012:role/state", "eu-central-1\n::error::"),
    ],
)
def test_a_role_and_a_region_must_look_like_one(tmp_path: Path, role: str, region: str) -> None:
    ran = use(tmp_path, aws_role=role, aws_region=region)
    assert ran.code == 2
    assert "aws-" in ran.log
    assert orders(ran.log) == ["error title=ert-deploy"]


def test_a_python_that_is_too_old_or_not_there_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "runner" / "python"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for python in (str(old), "no-such-python", "$(touch x)"):
        ran = use(tmp_path, python=python)
        assert ran.code == 2
        assert "no Python 3.11 or newer" in ran.log

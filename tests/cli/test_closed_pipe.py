"""A reader that has gone, as in `ert-deploy logs | head -1`: commands end quietly, with the code of SIGPIPE."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.cli import main
from ert_deploy.cli.streams import guarded
from ert_deploy.cli.view.progress import PlainView

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERT_CONFIG", raising=False)


def closed() -> io.TextIOWrapper:
    """Return a text stream into a pipe without a reader."""
    reader, writer = os.pipe()
    os.close(reader)
    return io.TextIOWrapper(os.fdopen(writer, "wb"), encoding="utf-8")


@pytest.fixture
def stream() -> Iterator[io.TextIOWrapper]:
    made = closed()
    yield made
    made.close()


@pytest.mark.parametrize(
    "line",
    [
        "--help", "--version", "status --help", "status -c sandbox", "status -c sandbox --json", "plan -c none --json",
        "down -c sandbox --dry-run", "sandbox status", "events -c sandbox --json", "init --reference", "init --schema",
        "init --defaults", "completion bash", "key generate", "key list --help", "state show -c sandbox",
    ],
)  # fmt: skip
def test_whatever_a_command_prints_it_ends_quietly(
    line: str, stream: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    said = capsys.readouterr().err
    assert ended.value.code == 141, said
    assert not said or line in ("init --defaults", "plan -c none --json"), said
    assert "Traceback" not in said


def test_the_whole_process_says_nothing_at_its_end_either() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-m", "ert_deploy.cli", "init", "--reference"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env=env)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_error_that_nobody_reads_keeps_its_code(stream: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(SystemExit) as ended:
        main(["status", "-c", "none"])
    assert ended.value.code == 2


def test_a_run_goes_on_where_nobody_reads_its_progress(
    stream: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with guarded({}):
        view = PlainView()
        for number in range(3):
            view.note(f"line {number}")
        sys.stderr.flush()

"""A Flask app of ten lines from an empty folder: run by the sandbox, wired by `up`, moved when its GPU is taken."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ert_deploy.sandbox.world import daemon
from tests.e2e.conftest import SAMPLE, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
TRANSCRIPT = PAGE.with_name("own-app.md")


def app_of_the_page() -> str:
    """Return the app as docs/sandbox.md shows it."""
    found = re.search(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Place]:
    """Yield a directory with the app of the page, a config for a quicker clock, and no sandbox yet."""
    source = app_of_the_page()
    assert len([line for line in source.splitlines() if line]) <= 10
    (tmp_path / "app.py").write_text(source)
    sample = SAMPLE.read_text()
    assert "speed: 20 " in sample
    (tmp_path / "fast.yaml").write_text(sample.replace("speed: 20 ", "speed: 60 "))
    place = Place(tmp_path, None, extra={"ERT_CONFIG": "fast.yaml"})  # type: ignore[arg-type]
    try:
        yield place
    finally:
        daemon.stop(tmp_path / ".ert" / "sandbox")


# Lines that depend on when one looks.
SOMETIMES = re.compile(r"booting |waiting for |.* is (created|update_in_progress)$")
NAMES = re.compile(r"smollm2:135m|toy:0\.5m|dep-\w+|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)*")


def plain(line: str) -> str:
    """Return a line without numbers, ids and the model."""
    return NAMES.sub("#", line)


def printed_as_kept(command: str, done: subprocess.CompletedProcess[str]) -> None:
    """Find the lines of the kept transcript in what a command has printed on stderr, in their order."""
    kept = TRANSCRIPT.read_text().split(f"$ ert-deploy {command}\n")[1].split("\n$")[0].split("ert-sandbox is ")[0]
    lines = [plain(line) for line in kept.splitlines() if line and not SOMETIMES.match(line)]
    said = iter([plain(line) for line in done.stderr.splitlines()])
    missing = [line for line in lines if line not in said]
    assert len(lines) >= 5
    assert missing == [], done.stderr


def test_it_is_wired_and_survives_a_taken_gpu(empty: Place) -> None:
    started = empty.data("sandbox", "start", "--app", ".", "--toy")
    url = started["app_url"] + "/health"
    assert requests.get(url, timeout=10).json() == {"backend": None, "fingerprint": None}

    up = empty.ert("up", "--json", timeout=250)
    printed_as_kept("up", up)
    (first,) = json.loads(up.stdout)["backends"]
    shown = requests.get(url, timeout=10).json()
    assert shown["backend"] == first["url"]
    assert re.fullmatch(r"[0-9a-f]{16}", shown["fingerprint"])

    empty.ert("sleep")
    said = empty.ert("sandbox", "break", "gpu_taken").stdout
    assert said == f"gpu_taken: done, for instance {first['instance']}\n"
    wake = empty.ert("wake", "--json", timeout=250)
    printed_as_kept("wake", wake)
    (second,) = json.loads(wake.stdout)["backends"]
    assert second["instance"] != first["instance"]
    moved = requests.get(url, timeout=10).json()
    assert moved["backend"] == second["url"]
    assert moved["fingerprint"] != shown["fingerprint"]

    printed_as_kept("down", empty.ert("down"))
    assert requests.get(url, timeout=10).json()["backend"] is None
    assert empty.data("sandbox", "stop")["running"] == []

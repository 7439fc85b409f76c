"""The section of docs/sandbox.md on a server of one's own: its files are written, and its commands typed."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ert_deploy.config import load
from ert_deploy.sandbox.world import daemon
from tests.e2e.conftest import Place
from tests.e2e.test_own_app import PAGE, app_of_the_page
from tests.support.backend.rig import wait_for

pytestmark = pytest.mark.e2e
HEAD = "## An app on a server of yours\n"
PORT = "18443"


def blocks() -> list[str]:
    """Return the server, the config and the commands of the section."""
    section = PAGE.read_text().split(HEAD)[1].split("\n## ")[0]
    return re.findall(r"^```(?:python|yaml|)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_the_config_of_the_section_is_valid(tmp_path: Path) -> None:
    server, config, typed = blocks()
    (tmp_path / "ext.yaml").write_text(config)
    external = load(tmp_path / "ext.yaml").desired.external
    assert external is not None
    assert external.url == f"https://localhost:{PORT}"
    assert f'"id": "{external.model}"' in server
    assert "ert-deploy up -c ext\n" in typed


@pytest.mark.nightly
def test_the_section_works_as_it_is_typed(tmp_path: Path) -> None:
    server, config, typed = blocks()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "app.py").write_text(app_of_the_page())
    (tmp_path / "server.py").write_text(server.replace(PORT, str(port)))
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "ext.yaml").write_text(config.replace(PORT, str(port)))
    place, processes = Place(tmp_path, None), list[subprocess.Popen[bytes]]()  # type: ignore[arg-type]
    said: dict[str, str] = {}
    try:
        for line in typed.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] == "ert-deploy":
                said[words[1]] = place.ert(*words[1:]).stdout
            elif words[-1] == "&":
                processes.append(subprocess.Popen([sys.executable, *words[1:-1]], cwd=tmp_path))
                wait_for(lambda: listens(port))
            else:
                subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    finally:
        daemon.stop(tmp_path / ".ert" / "sandbox")
        for process in processes:
            process.kill()
            process.wait()
    assert said["ask"] == "Hello from my server.\n"
    assert f"https://localhost:{port}" in said["up"] + said["status"]
    assert "as wanted" in said["status"]

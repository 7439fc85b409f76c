"""Production start command: gunicorn with threads, a WebSocket client, and a fast shutdown."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import simple_websocket

from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.following import until
from tests.support.dashboard.processes import answers, open_page

IMAGE = Path(__file__).parents[2] / "images" / "dashboard"
START = "-k gthread -w 1 --threads 100 --no-control-socket --bind 127.0.0.1:{port} wsgi:app"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.e2e
@pytest.mark.parametrize(
    "platform", [{}, {"GUNICORN_CMD_ARGS": "--preload --access-logfile -"}], ids=["plain", "render"]
)
def test_the_start_command_serves_a_report_with_live_updates(
    environ: dict[str, str], backend: FakeBackend, tmp_path: Path, platform: dict[str, str]
) -> None:
    """Render's default is `--preload`: the application is imported in a parent process before the fork."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    inherited = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "gunicorn", *START.format(port=port).split()]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=IMAGE, env={**inherited, **environ, **platform}, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
            until(lambda: answers(client), 20)
            page = open_page(address)
            assert client.post("/api/generate", json={"ticker": "MSFT"}).status_code == 200
            assert completed(page)["data"]["status"] == "completed"
            worker = children(server.pid)[0]
            assert resident_mb(worker) < 150
    finally:
        # The page is still open: its WebSocket must not delay the exit until SIGKILL.
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
    with pytest.raises(simple_websocket.ConnectionClosed):
        list(iter(lambda: page.receive(30), None))
    said = (tmp_path / "log").read_text()
    assert "Remote LLM integration loaded" in said
    assert "Traceback" not in said
    assert KEY not in said


def completed(page: Any) -> dict[str, Any]:
    """Return the payload of the final `report_completed` event."""
    while True:
        packet = page.receive(10)
        assert packet is not None
        if packet.startswith('42["report_completed"'):
            found: dict[str, Any] = json.loads(packet[2:])[1]
            return found

"""Dashboard benchmark: memory with open pages and API latency, without a backend, under the production start command.

Reports the resident memory of the gunicorn worker with 50 open WebSockets, and the 95th percentile latency of API calls
on loopback while they are open. The configured backend is offline. Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import simple_websocket

IMAGE = Path(__file__).parents[1] / "images" / "dashboard"
SOCKETS, ROUNDS = 50, 200
MEMORY_MB, P95_MS = 120.0, 50.0
PATHS = ("/health", "/api/status", "/api/reports?limit=50", "/api/search_tickers?q=a", "/")


@dataclass(frozen=True)
class Running:
    """Port of the dashboard and PID of its worker."""

    port: int
    worker: int


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def call(port: int, path: str, body: str | None = None) -> int:
    """Send one request on a new connection; return its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@contextmanager
def dashboard(environ: dict[str, str] | None = None) -> Iterator[Running]:
    """Run a dashboard under gunicorn in a minimal environment, updated with `environ`."""
    port = free_port()
    command = ["-k", "gthread", "-w", "1", "--threads", "100", "--no-control-socket", "--bind", f"127.0.0.1:{port}"]
    with tempfile.TemporaryDirectory() as folder:
        given = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "ERT_DASHBOARD_DB": str(Path(folder) / "reports.sqlite3"),
            "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0",
            "ERT_LOG_LEVEL": "ERROR",
            **(environ or {}),
        }
        with (Path(folder) / "log").open("w") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *command, "wsgi:app"], cwd=IMAGE, env=given, stdout=log, stderr=log
            )
        try:
            wait_for(port)
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            yield Running(port, int(children[0]))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)  # gunicorn kills workers with open connections only after 30 s


def wait_for(port: int) -> None:
    """Wait until `/health` is reachable; raise SystemExit after 30 s."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if call(port, "/health") == 200:
                return
        except OSError:
            time.sleep(0.05)  # noqa: TID251 a benchmark takes real time
    raise SystemExit("the dashboard did not start")


def open_page(port: int) -> simple_websocket.Client:
    """Open a Socket.IO connection like a page; raise SystemExit if it fails."""
    page = simple_websocket.Client(f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket")
    page.send("40")  # at once: this client sees a frame in the packet of the handshake only with the next one
    for _ in range(50):  # events may be received before the acknowledgement
        if str(page.receive(10)).startswith("40"):
            return page
    raise SystemExit("a page could not connect")


def resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def timings(port: int, path: str) -> list[float]:
    """Return the latency of each call in milliseconds, after 5 warm-up calls."""
    for _ in range(5):
        call(port, path)
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        if call(port, path) != 200:
            raise SystemExit(f"{path} did not answer 200")
        found.append((time.perf_counter() - began) * 1000)
    return found


def asleep() -> dict[str, str]:
    """Return a complete configuration for a backend that is offline, with the fingerprint of the deployer."""
    from tests.support.certificates.self_signed import certificate
    from tests.support.dashboard.fingerprint import sealed

    return sealed(
        {
            "REMOTE_LLM_INTEGRATION": "true",
            "ERT_LLM_BACKEND_URL": f"https://127.0.0.1:{free_port()}",
            "ERT_LLM_API_KEY": "ert-" + "0" * 32,
            "ERT_LLM_CA_CERT": certificate("127.0.0.1")[0],
        }
    )


def main() -> int:
    """Run the benchmark and return the exit code."""
    with dashboard(asleep()) as running:
        for ticker in ("AAPL", "MSFT", "NVDA") * 5:
            call(running.port, "/api/generate", json.dumps({"ticker": ticker}))
        pages = [open_page(running.port) for _ in range(SOCKETS)]
        p95 = {path: statistics.quantiles(timings(running.port, path), n=20)[-1] for path in PATHS}
        memory = resident_mb(running.worker)
        for page in pages:
            page.close()
    print(f"worker with {SOCKETS} open sockets  {memory:6.1f} MB resident   (promised: below {MEMORY_MB:.0f})")
    for path, value in p95.items():
        print(f"p95 GET {path:26} {value:6.1f} ms   (promised: below {P95_MS:.0f}; {ROUNDS} calls, backend asleep)")
    return int(memory >= MEMORY_MB or max(p95.values()) >= P95_MS)


if __name__ == "__main__":
    sys.exit(main())

"""Memory benchmark: an agent with its gateway, and a dashboard with 50 open pages that has this agent, as one service.

Both are real processes, under the commands with which they are started in production; the agent looks after a
deployment of a sandbox that sleeps. Measures the resident memory of each, of all their processes, and what is left of
the 512 MB of a small plan. Exits with 1 if it is less than a quarter.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.dashboard import IMAGE, SOCKETS, asleep, call, free_port, open_page, wait_for
from tests.soak.measures import held
from tests.support.agent.pids import children
from tests.support.agent.processes import Process, agent, place, until
from tests.support.agent.served import KEY

LIMIT_MB, LEAST_LEFT = 512.0, 0.25
GATEWAY_KEY = "gateway-key-of-the-benchmark-0123456789abcdef"
SETTLES = 20.0  # seconds in which both look several times


@contextmanager
def dashboard(url: str) -> Iterator[tuple[int, int]]:
    """Run the dashboard with this agent until the end of the block; yield its port and its PID."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environ = asleep() | {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "PORT": str(port),
            "ERT_DASHBOARD_DB": str(Path(folder) / "reports.sqlite3"),
            "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0",
            "ERT_LOG_LEVEL": "ERROR",
            "ERT_AGENT_URL": url,
            "ERT_AGENT_KEY": KEY.reveal(),
        }
        server = subprocess.Popen([sys.executable, "-m", "ert_dashboard"], cwd=IMAGE, env=environ)
        try:
            wait_for(port)
            yield port, server.pid
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def measured(one: Process) -> tuple[float, float]:
    """Return the memory in MB of the agent, and of a dashboard with open pages beside it."""
    with dashboard(one.url) as (port, pid):
        pages = [open_page(port) for _ in range(SOCKETS)]
        gate, looks = threading.Event(), int(SETTLES / 0.5)
        for _ in range(looks):
            gate.wait(0.5)
            call(port, "/api/deployment")
        found = held(family(one.process.pid))[0], held(family(pid))[0]
        for page in pages:
            page.close()
    return found


def main() -> int:
    """Run the benchmark and return the exit code."""
    with place() as made:
        made.extra["ERT_GATEWAY_KEY"] = GATEWAY_KEY
        one = agent(made, "--gateway")
        until(lambda: one.backend()["phase"] == "asleep")
        alone = held(family(one.process.pid))[0]
        of_agent, of_dashboard = measured(one)
        one.end(signal.SIGTERM)
        made.ert("down")
    total = of_agent + of_dashboard
    left = 1 - total / LIMIT_MB
    sys.stdout.write(f"agent with gateway, alone            {alone:6.1f} MB resident\n")
    sys.stdout.write(f"the same, with a dashboard           {of_agent:6.1f} MB\n")
    sys.stdout.write(f"dashboard with {SOCKETS} open pages         {of_dashboard:6.1f} MB, all processes\n")
    sys.stdout.write(f"both                                 {total:6.1f} MB of {LIMIT_MB:.0f}, {left:.0%} left\n")
    return int(left < LEAST_LEFT)


if __name__ == "__main__":
    sys.exit(main())

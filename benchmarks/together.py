"""Memory benchmark: an agent with its gateway alone, and in one service with a dashboard with 50 open pages.

All are real processes, under the commands with which they are started in production; the agent looks after a
deployment of a sandbox whose machine is stopped. Measures each process of the service, the manager's too: resident
memory, in which shared pages count for each, and the proportional share (PSS), in which they count once, as for a limit
on all. Exits with 1 if less than a quarter of the 512 MB of a small plan is left.
"""

from __future__ import annotations

import re
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.dashboard import SOCKETS, call, open_page
from tests.support.agent.beside import Service, real
from tests.support.agent.pids import children
from tests.support.agent.processes import agent, place, until

LIMIT_MB, LEAST_LEFT = 512.0, 0.25
MB = 1_000_000
GATEWAY_KEY = "gateway-key-of-the-benchmark-0123456789abcdef"
SETTLES = 20.0  # seconds in which both look several times


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory and proportional share in MB; the second is at most the first."""

    resident: float = 0.0
    share: float = 0.0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.resident + other.resident, self.share + other.share)

    def line(self, what: str) -> str:
        return f"{what:42} {self.resident:7.1f} MB resident  {self.share:7.1f} MB share\n"


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def memory(pids: list[int]) -> Memory:
    """Return what these processes hold. Raises OSError: of a process that is kept apart only root may know it."""
    total = Memory()
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        resident, share = (
            int(found) * 1024 / MB
            for name in ("Rss", "Pss")
            for found in re.findall(rf"^{name}: +(\d+) kB", text, re.M)
        )
        total += Memory(resident, share)
    return total


def measured(one: Service, port: int) -> dict[str, Memory]:
    """Return the memory of each process of a service with open pages, after both have looked several times."""
    pages = [open_page(port) for _ in range(SOCKETS)]
    gate, looks = threading.Event(), int(SETTLES / 0.5)
    for _ in range(looks):
        gate.wait(0.5)
        call(port, "/api/deployment")
    own = one.agent()
    rest = [pid for pid in one.pids()[1:] if pid != own]
    found = {
        "one service: supervisor": memory([one.process.pid]),
        "one service: agent with gateway": memory(family(own)),
        f"one service: dashboard with {SOCKETS} open pages": memory([pid for each in rest for pid in family(each)]),
    }
    for page in pages:
        page.close()
    return found


def main() -> int:
    """Run the benchmark and return the exit code."""
    with place() as made:
        made.extra["ERT_GATEWAY_KEY"] = GATEWAY_KEY
        alone = agent(made, "--gateway")
        until(lambda: alone.backend()["phase"] == "asleep")
        sys.stdout.write(memory(family(alone.process.pid)).line("agent with gateway, alone"))
        alone.end(signal.SIGTERM)
        given = {
            "ERT_GATEWAY_KEY": GATEWAY_KEY,
            "ERT_GATEWAY_BACKEND_KEY": made.variables()["ERT_LLM_API_KEY"],
            "ERT_LOG_LEVEL": "ERROR",
        }
        with real(made, "--gateway", login=False, **given) as (one, app):
            port = urlsplit(app.world.app_url).port
            assert port is not None
            found = measured(one, port)
            one.end(signal.SIGTERM)
        made.ert("down")
    total = sum(found.values(), Memory())
    left = 1 - total.resident / LIMIT_MB
    for what, each in found.items():
        sys.stdout.write(each.line(what))
    sys.stdout.write(total.line("one service: all"))
    sys.stdout.write(f"of {LIMIT_MB:.0f} MB {left:.0%} are left by resident memory, the larger of the two\n")
    return int(left < LEAST_LEFT)


if __name__ == "__main__":
    sys.exit(main())

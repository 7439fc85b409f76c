"""An agent with a gateway in a process of its own, on a fake cloud: `python -m tests.support.agent.alone URL PEM_FILE`.

Its port is on standard output. Its machine sleeps, a start is held until a line on standard input, and what is served
is at URL. At the end of the input follows how often a machine was started.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.support.agent.gateway import passing
from tests.support.agent.served import LONG
from tests.support.agent.shared import shared
from tests.support.certificates.ip_bound import Pair
from tests.support.doubles.streaming_tls import Upstream
from tests.support.fakes.sleep import asleep

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Elsewhere(Upstream):
    """A server of another process: only its address and certificate are known."""

    address: str = ""

    @property
    def url(self) -> str:
        return self.address


@dataclass
class Alone:
    """The running process."""

    process: subprocess.Popen[str]
    port: int

    def go(self) -> None:
        """Let the start of the machine go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> int:
        """End it, and return how often a machine was started."""
        out, _ = self.process.communicate(timeout=LONG)
        return int(out)


@contextmanager
def alone(upstream: Upstream, pem: Path) -> Iterator[Alone]:
    """Run it until the end of the block."""
    pem.write_text(upstream.certificate.pem)
    command = [sys.executable, "-m", "tests.support.agent.alone", upstream.url, str(pem)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    try:
        assert process.stdout is not None
        yield Alone(process, int(process.stdout.readline()))
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def main(url: str, pem: Path) -> None:
    """Run it until the end of the input."""
    made, go, starts = asleep(), Event(), []

    def before(_port: str, method: str) -> None:
        if method == "start":
            starts.append(method)
            assert go.wait(LONG), "nobody lets it go on"

    there = Elsewhere(Pair(pem.read_text(), ""), address=url)
    with passing(shared(made, before), there) as through:
        sys.stdout.write(f"{through.agent.port}\n")
        sys.stdout.flush()
        for _ in sys.stdin:
            go.set()
        sys.stdout.write(f"{len(starts)}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

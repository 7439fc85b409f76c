"""A relay on loopback in a process of its own, which can be killed: it forwards TCP to the server behind it.

`python -m tests.support.doubles.relay PORT UPSTREAM` takes connections at PORT and prints a line once it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.llm_engine.servers import free_port

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Relay:
    """The process. After `kill` nothing accepts at `port`, until `start`."""

    upstream: int
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        words = (sys.executable, "-m", __spec__.name, str(self.port), str(self.upstream))
        self.process = subprocess.Popen(words, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "listens\n"

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()
            self.process = None


async def _serve(port: int, upstream: int) -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(_carry(reader, back), _carry(there, writer))

    server = await asyncio.start_server(one, "127.0.0.1", port)
    sys.stdout.write("listens\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await source.read(65536):
            target.write(content)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))

"""Dashboards as processes: gunicorn, the worker command, pages with a WebSocket, and a round robin of several."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import simple_websocket

from tests.support.dashboard.following import until
from tests.support.llm_engine.servers import free_port

IMAGE = Path(__file__).parents[3] / "images" / "dashboard"


@dataclass
class Process:
    """One process of a dashboard, in its own empty folder. `port` is where it serves, if it does."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int

    def kill(self) -> None:
        """End it like a machine that is gone: no handler runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def web_process(environ: dict[str, str], folder: Path, image: Path = IMAGE) -> Iterator[Process]:
    """Run the dashboard of a checkout under gunicorn, and wait until it is ready."""
    port = free_port()
    options = f"-k gthread -w 1 --threads 20 --no-control-socket --bind 127.0.0.1:{port} wsgi:app"
    with _running(["-m", "gunicorn", *options.split()], environ, folder, port, image) as found:
        _wait_for(port)
        yield found


@contextmanager
def server_process(environ: dict[str, str], folder: Path) -> Iterator[Process]:
    """Run the dashboard on the server of its own start command, and wait until it is ready."""
    port = free_port()
    with _running(["-m", "ert_dashboard", "--host", "127.0.0.1"], environ, folder, port) as found:
        _wait_for(port)
        yield found


def _wait_for(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        until(lambda: answers(client), 60)


@contextmanager
def worker_process(environ: dict[str, str], folder: Path) -> Iterator[Process]:
    with _running(["-m", "ert_dashboard", "--role", "worker"], environ, folder, 0) as found:
        yield found


@contextmanager
def _running(
    command: list[str], environ: dict[str, str], folder: Path, port: int, image: Path = IMAGE
) -> Iterator[Process]:
    folder.mkdir(parents=True)
    inherited = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "PORT": str(port)}
    with (folder / "log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, *command],
            cwd=image,
            env={**inherited, **environ},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    found = Process(started, folder, port)
    try:
        yield found
    finally:
        found.kill()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


@dataclass
class RoundRobin:
    """Proxy that gives each new connection to the next process that accepts one; `port` is its own."""

    upstream: list[int]
    port: int = 0
    _turns: Iterator[int] = field(default_factory=itertools.count)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @contextmanager
    def serving(self) -> Iterator[RoundRobin]:
        ready = threading.Event()
        thread = threading.Thread(target=self._serve, args=(ready,), name="round-robin")
        thread.start()
        assert ready.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(10)

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._stop = asyncio.Event()
        self._loop.run_until_complete(self._until_stopped(ready))
        self._loop.close()

    async def _until_stopped(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._one, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # the closed connections end in the next round of the loop

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(self._turns)
        for turn in range(len(self.upstream)):
            port = self.upstream[(first + turn) % len(self.upstream)]
            with contextlib.suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", port)
                break
        else:
            writer.close()
            return
        try:
            await asyncio.gather(_carry(reader, back), _carry(there, writer))
        finally:
            back.close()
            writer.close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await source.read(65536):
            target.write(content)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


def open_page(address: str, cookie: str = "") -> Any:
    """Connect like the page, with Socket.IO's wire format."""
    url = f"ws://{address}/socket.io/?EIO=4&transport=websocket"
    headers = {"Origin": "http://127.0.0.1", **({"Cookie": cookie} if cookie else {})}
    # This client sends a Host without the port, so the origin has none either. It sees a frame that is in the same
    # packet as the handshake response only with the next one, which the response to "40" is.
    page = simple_websocket.Client(url, headers=headers)
    page.send("40")
    assert page.receive(30)[0] == "0"
    assert page.receive(30).startswith("40")
    return page


class Follower:
    """An open page that collects what it hears, in a thread of its own, until the connection ends."""

    def __init__(self, address: str, cookie: str = "") -> None:
        self._page = open_page(address, cookie)
        self._statuses: dict[str, list[str]] = {}
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)
        self._thread.start()

    def statuses(self, report_id: str) -> list[str]:
        return list(self._statuses.get(report_id, ()))

    def close(self) -> None:
        with contextlib.suppress(simple_websocket.ConnectionClosed):
            self._page.close()
        self._thread.join(10)

    def _follow(self) -> None:
        with contextlib.suppress(simple_websocket.ConnectionClosed):
            while True:
                packet = self._page.receive(30)
                if packet == "2":
                    self._page.send("3")  # Engine.IO's ping and pong
                elif packet == "41":
                    break
                elif packet and packet.startswith('42["report_update"'):
                    told = json.loads(packet[2:])[1]
                    self._statuses.setdefault(told["report_id"], []).append(told["data"]["status"])
        self.ended.set()

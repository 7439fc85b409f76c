"""Runs the real app over real TLS in a thread, against a scripted Ollama, for tests that use HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from ert_backend.base.clock import boot_seconds, utc_now
from ert_backend.edge.identity import Identity, ensure
from ert_backend.engine.bring_up import Pace
from ert_backend.engine.choose import opened
from ert_backend.reports.writer import COMMAND
from ert_backend.service import Service, assemble
from ert_backend.serving import Server, server
from ert_backend.settings import Settings, load

KEY, NEXT_KEY = "ert-current-key", "ert-next-key"
SECRET = "5e" * 32
ENV = {
    "ERT_DEPLOYMENT": "ert",
    "ERT_TOKEN": "0123456789abcdef0123456789abcdef",
    "ERT_SPEC": "0123456789abcdef",
    "ERT_KEY_HASHES": ",".join(hashlib.sha256(key.encode()).hexdigest() for key in (KEY, NEXT_KEY)),
    "ERT_BOOT_SECRET": SECRET,
    "ERT_MODEL": "gpt-oss:20b",
    "PUBLIC_IPADDR": "127.0.0.1",
    "ERT_BIND": "127.0.0.1:0",
    "ERT_PROBE_SLOTS": "off",  # a scripted engine replies at once: the measured time would be random
}
QUICK = Pace(look=0.02, watch=0.05, pull_stall=0.3, retry=0.1, sick=0.3)
REQUEST = {
    "ticker": "AAPL",
    "company_data": {"longName": "Apple Inc.", "sector": "Technology", "industry": "Consumer Electronics"},
    "financial_data": {
        "totalRevenue": 391_035_000_000,
        "operatingIncome": 123_216_000_000,
        "trailingPE": 37.4,
        "currency": "USD",
        "financialCurrency": "USD",
    },
    "market_data": {},
    "sections": None,
}


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return the first true value of `condition`; raise AssertionError after `seconds`."""
    deadline, pause = boot_seconds() + seconds, threading.Event()
    while boot_seconds() < deadline:
        if value := condition():
            return value
        pause.wait(0.01)
    raise AssertionError("it did not happen in time")


class Backend:
    """The running app. `client` verifies it by its PEM alone and sends the key."""

    def __init__(self, settings: Settings, pace: Pace, writer: Sequence[str] = COMMAND) -> None:
        self.settings, self.pace, self.writer = settings, pace, writer
        self.identity: Identity = ensure(settings.data_dir, settings.deployment, settings.public_ip, utc_now())
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.tls = ssl.create_default_context(cafile=str(self.identity.certificate))
        self.service: Service
        self.server: Server
        self.loop: asyncio.AbstractEventLoop
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.started = threading.Event()

    def client(self, key: str | None = KEY) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, verify=self.tls, headers=headers, timeout=20, trust_env=False)

    def wait_ready(self) -> None:
        wait_for(lambda: self.service.state.ready)

    def warm(self) -> None:
        """Start the process that writes reports in advance: tests with a short deadline time the report alone."""
        asyncio.run_coroutine_threadsafe(self.service.writer.start(), self.loop).result(20)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with opened(self.settings) as engine:
            self.service = assemble(self.settings, self.identity, engine)
            self.service.writer.command = self.writer
            self.server = server(self.settings, self.identity, self.service, self.pace)
            self.started.set()
            await self.server.serve(sockets=[self.socket])

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()
        assert not self.thread.is_alive()


@contextlib.contextmanager
def running(
    folder: Path, ollama: str, pace: Pace = QUICK, *, writer: Sequence[str] = COMMAND, **changes: Any
) -> Iterator[Backend]:
    """Run a backend on `folder` that uses the Ollama at `ollama`; `changes` replace settings.

    `writer` is the command of the process that writes reports.
    """
    settings = load({**ENV, "ERT_DATA_DIR": str(folder), "OLLAMA_HOST": ollama})
    backend = Backend(replace(settings, **changes), pace, writer)
    backend.thread.start()
    try:
        assert backend.started.wait(5)
        wait_for(lambda: backend.server.started)
        yield backend
    finally:
        backend.stop()

"""An agent that listens on loopback, in threads of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from ert_deploy.agent.gateway.routes import Gateway
from ert_deploy.agent.keeper import Keeper
from ert_deploy.agent.serve import BACKLOG, server
from ert_deploy.app.deployment import Deployment
from ert_deploy.core.model.secret import Secret
from tests.support.fakes.deployment import Watcher

KEY = Secret("agent-key-of-the-tests-0123456789abcdef")
LONG = 20.0  # real seconds in which anything here is over
TICK = 0.01


@dataclass
class Agent:
    """One running agent: its keepers and its address."""

    keepers: Sequence[Keeper]
    watcher: Watcher
    port: int

    def call(self, method: str, path: str, key: str = KEY.reveal(), **headers: str) -> requests.Response:
        """Send a request with the key."""
        shown = {"Authorization": f"Bearer {key}", **headers}
        return requests.request(method, f"http://127.0.0.1:{self.port}{path}", headers=shown, timeout=LONG)

    def wake(self) -> requests.Response:
        """Send one request to wake."""
        return self.call("POST", "/wake")

    def backend(self) -> dict[str, Any]:
        """Return the document of the backend."""
        found: dict[str, Any] = self.call("GET", "/backend").json()
        return found


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    gate, ends = threading.Event(), LONG / TICK
    while not condition():
        ends -= 1
        assert ends > 0, "it has not come true"
        gate.wait(TICK)


def keeper(deployment: Deployment, *, every: float = 3600.0, unpublished: str = "") -> tuple[Keeper, Watcher]:
    """Return the keeper of a deployment, which has not begun, and its lines."""
    watcher = Watcher()
    return Keeper(deployment, watcher, every=every, unpublished=unpublished), watcher


@contextmanager
def agent(
    *deployments: Deployment,
    every: float = 3600.0,
    unpublished: str = "",
    passing: Callable[[Sequence[Keeper]], Gateway] | None = None,
) -> Iterator[Agent]:
    """Run an agent for these deployments until the end of the block."""
    watcher = Watcher()
    keepers = [Keeper(one, watcher, every=every, unpublished=unpublished) for one in deployments]
    listening = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    made = server(keepers, KEY, passing(keepers) if passing is not None else None)
    thread = threading.Thread(target=lambda: made.run(sockets=[listening]), daemon=True)
    for one in keepers:
        one.begin()
    thread.start()
    try:
        yield Agent(keepers, watcher, listening.getsockname()[1])
    finally:
        made.should_exit = True
        thread.join(LONG)
        listening.close()
        for one in keepers:
            one.end()

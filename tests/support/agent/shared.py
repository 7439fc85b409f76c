"""In-memory ports for several threads: one call at a time, with a function before each call that may block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from threading import RLock
from typing import Any

from ert_deploy.app.deployment import Deployment
from ert_deploy.core.model.desired import Desired
from ert_deploy.engine.run import Ports
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld

Before = Callable[[str, str], None]


def nothing(_port: str, _method: str) -> None:
    """Let every call through."""


class _Turns:
    """One port; `before` is called with the names of port and method, outside of the lock."""

    def __init__(self, name: str, port: Any, lock: Any, before: Before) -> None:
        self._name, self._port, self._lock, self._before = name, port, lock, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **named: Any) -> Any:
            self._before(self._name, name)
            with self._lock:
                return found(*args, **named)

        return call


def shared(made: FakeWorld, before: Before = nothing, desired: Desired = WANTED, lock: Any = None) -> Deployment:
    """Return the deployment on these ports for one process; two processes of a world have one `lock`."""
    lock = lock or RLock()
    turns = {
        one.name: _Turns(one.name, getattr(made.ports, one.name), lock, before)
        for one in fields(Ports)
        if one.name != "audience"
    }
    return on_fakes(replace(made, ports=replace(made.ports, **turns)), desired)

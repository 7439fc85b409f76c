"""Workers as the web processes see them: `/health/worker`, as a worker itself has no address to be asked at.

Each process writes its role and its fingerprint beside its lease in the shared database, and the row of a process that
is gone ends with the lease. So this is what the workers say of themselves, some seconds ago at most. There is none for
some seconds after a start: the web host calls a worker live when its process runs, its row comes once it has connected.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence

from flask import Blueprint, Response, jsonify

from ert_dashboard.base.shared import Role
from ert_dashboard.storage.process import Process
from ert_dashboard.web import routes
from ert_dashboard.web.machine_body import WorkersHealth, numbered
from ert_dashboard.web.service import Service

CACHE_S = 1.0  # anybody may ask


class Workers:
    """Route of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turns: Iterator[int] = itertools.count()
        self._lock = threading.Lock()
        self._read: list[Process] = []
        self._until = float("-inf")

    def blueprint(self) -> Blueprint:
        return routes.blueprint("workers", health=self.health)

    def health(self) -> Response:
        """Return the fingerprint that all workers have; null if they differ, or if one does not say.

        Those of further sets of variables are shown only where all workers have them. `instance` is that of one of the
        workers, of each in turn.
        """
        found = self._processes()
        said = {one.fingerprint for one in found}
        turn = found[next(self._turns) % len(found)] if found else None
        body: WorkersHealth = {
            "workers": len(found),
            "fingerprint": said.pop() if len(said) == 1 else None,
            "instance": (turn.instance or None) if turn else None,
            **numbered(_agreed(found)),
        }
        return jsonify(body)

    def _processes(self) -> list[Process]:
        """Return the workers, and processes of an earlier release, which do not say what they are."""
        with self._lock:
            now = self._service.clock.monotonic()
            if now >= self._until:
                living = self._service.store.processes()
                found = (one for one in living if one.role in (Role.WORKER, ""))
                self._read = sorted(found, key=lambda one: one.instance)
                self._until = now + CACHE_S
            return self._read


def _agreed(found: Sequence[Process]) -> dict[int, str]:
    """Return the fingerprints of further sets that all of them have."""
    first = found[0].numbered if found else {}
    return {number: one for number, one in first.items() if all(other.numbered.get(number) == one for other in found)}

"""Cost of a report: its share of the machine's time while it was written, by the machine's price.

Where a machine writes several at once, each second is divided among them. Its start, and the time in which it waits for
the next report, belong to none.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from ert_dashboard.backend.errors import BackendError
from ert_dashboard.backend.fleet import Lane
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt, Interrupted
from ert_dashboard.base.machine import Machine, read_said
from ert_dashboard.storage.interface import Store
from ert_dashboard.storage.job import Job, Status

_STATUS_S = 2.0
_KNOWN_S = 300.0  # for which a price that a backend has named is used
_MOST_OTHERS = 100  # newest reports, among which those of the same time are
_HOUR_S = 3600.0
LOST = "Reconnecting"  # how the detail of a report begins whose backend does not respond

Span = tuple[float, float]


def share(own: Span, others: Iterable[Span]) -> float:
    """Return the seconds of a time, each divided by the number of times that it is a part of."""
    begin, end = own
    overlapping = [(max(begin, first), min(end, last)) for first, last in others if first < end and last > begin]
    cuts = sorted({begin, end, *(at for span in overlapping for at in span)})
    return sum(
        (last - first) / (1 + sum(one[0] <= first and last <= one[1] for one in overlapping))
        for first, last in pairwise(cuts)
    )


class Costs:
    """Prices of the backends, and the reports that share their time."""

    def __init__(self, store: Store, clock: Clock, machine: Machine) -> None:
        """`machine` has what the operator has set; what a backend says of itself takes precedence."""
        self._store, self._clock, self._machine = store, clock, machine
        self._lock = threading.Lock()
        self._said: dict[str, tuple[float, Machine]] = {}

    def per_second(self, lane: Lane) -> float | None:
        """Return the $ of one real second of a backend; None if its price is not known."""
        now = self._clock.monotonic()
        with self._lock:
            at, known = self._said.get(lane.name, (now - _KNOWN_S, self._machine))
        if now - at >= _KNOWN_S:
            with Interrupt() as interrupt, contextlib.suppress(BackendError, Interrupted):
                interrupt.limit(_STATUS_S)
                known = read_said(lane.client.status(interrupt), known)
                with self._lock:
                    self._said[lane.name] = now, known
        return None if known.price is None else known.price * known.speed / _HOUR_S

    def seconds(self, job: Job, until: float) -> float:
        """Return its share of the time since its backend writes it, in seconds."""
        assert job.writing_since is not None, "it is being written"
        others = [
            (one.writing_since, one.finished or until)
            for one in self._store.latest(_MOST_OTHERS)
            if one.writing_since is not None and one.report_id != job.report_id and one.backend == job.backend
        ]
        return share((job.writing_since, max(job.writing_since, until)), others)

    def of(self, job: Job, lane: Lane) -> RunCost:
        return RunCost(self, job, lane, self._clock)


class RunCost:
    """Cost of one report as long as one backend has it. `job` is as it was stored last."""

    def __init__(self, costs: Costs, job: Job, lane: Lane, clock: Clock) -> None:
        self._costs, self._lane, self._clock = costs, lane, clock
        self.job = job
        self._lost: float | None = None

    def saw(self, job: Job) -> None:
        """Take note of a change that was stored."""
        lost = job.detail.startswith(LOST)
        self._lost = (self._lost or self._clock.wall()) if lost else None
        self.job = job

    def of_change(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return what else a change stores: since when the report is written, and what a lost attempt has cost."""
        if "last_event" in fields and fields["last_event"] is None:
            return {**self.end(), "writing_since": None} if self.job.writing_since is not None else {}
        begins = fields.get("status") is Status.GENERATING and fields.get("position") is None
        if not begins or self.job.writing_since is not None:
            return {}
        self._costs.per_second(self._lane)  # while it responds
        return {"writing_since": self._clock.wall()}

    def end(self) -> dict[str, Any]:
        """Return the cost until now, or until its backend was lost, with that of earlier attempts."""
        if self.job.writing_since is None or (price := self._costs.per_second(self._lane)) is None:
            return {}
        most = self.job.writing_since + self._lane.client.total_s
        until = min(self._lost or self._clock.wall(), most)
        return {"cost": (self.job.cost or 0.0) + self._costs.seconds(self.job, until) * price}

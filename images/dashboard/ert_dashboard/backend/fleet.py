"""Fleet: the backends of a dashboard, and which of them are up. It routes nothing: threads take reports from the queue.

A backend is marked down by the first call that does not reach it, or that meets a stranger there, and is up again once
a health check by `reports.lane_probe` has passed. While none is up, each is tried, as the only one would be.
"""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.errors import BackendError, Unavailable
from ert_dashboard.backend.fleet_costs import FleetCosts
from ert_dashboard.base.backends import MOST_WEIGHT, Backend
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.machine import NOT_KNOWN, Machine

_LOG = logging.getLogger(__name__)
_PATIENCE = 2  # calls in a row that break off at a backend which can be reached
PLACES = "report_slots"  # what a backend calls the number of reports that it writes at once


class State(enum.StrEnum):
    """What is known of a backend. UNKNOWN is before the first check; DRAINING is by its own word."""

    UNKNOWN = "unknown"
    UP = "up"
    DRAINING = "draining"
    DOWN = "down"


_OPEN = (State.UNKNOWN, State.UP)


@dataclass(frozen=True)
class Counts:
    """Backends that are up, and all of them."""

    up: int
    of: int


class Lane:
    """One backend: its client, and the number of reports that it gets at once; None is not limited here."""

    def __init__(self, backend: Backend) -> None:
        self.client = BackendClient(backend)
        self.weight = backend.weight
        self.measured = backend.measured

    @property
    def name(self) -> str:
        """The name of its machine."""
        return self.client.name


class Place(Protocol):
    """The backend of one report, as its run sees it."""

    @property
    def alone(self) -> bool:
        """Whether there is no other backend."""
        ...

    def failed(self, error: BackendError, /) -> bool:
        """Note a call that failed; return whether the report is to be written on another backend."""
        ...

    def responds(self) -> None:
        """Note a call that did not fail."""
        ...


class Alone:
    """Implements `Place` for the only backend."""

    alone = True

    def failed(self, _: BackendError, /) -> bool:
        return False

    def responds(self) -> None:
        return


class LanePlace:
    """Implements `Place` for one of several backends."""

    alone = False

    def __init__(self, fleet: Fleet, lane: Lane) -> None:
        self._fleet = fleet
        self._lane = lane
        self._broken = 0

    def failed(self, error: BackendError, /) -> bool:
        self._broken += 1
        reached = isinstance(error, Unavailable) and not error.asleep and error.after is None
        if reached and self._broken < _PATIENCE:
            return False
        self._fleet.mark(self._lane, State.DOWN, str(error), error.after if isinstance(error, Unavailable) else None)
        return self._fleet.another(self._lane)

    def responds(self) -> None:
        self._broken = 0


class Fleet:
    """All backends in the order of the configuration. Thread-safe."""

    def __init__(self, backends: Sequence[Backend], clock: Clock, machine: Machine = NOT_KNOWN) -> None:
        """`machine` has what the operator has set of each of them."""
        self.lanes = tuple(Lane(backend) for backend in backends)
        self.costs = FleetCosts(len(self.lanes), machine)
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[Lane, tuple[State, str, float]] = {lane: (State.UNKNOWN, "", 0.0) for lane in self.lanes}

    @property
    def listed(self) -> bool:
        """Whether the backends are those of a list, even if it names one."""
        return self.lanes[0].weight is not None

    def close(self) -> None:
        for lane in self.lanes:
            lane.client.close()

    def place(self, lane: Lane) -> Place:
        """Return what a run on this backend is told."""
        return LanePlace(self, lane) if len(self.lanes) > 1 else Alone()

    def state(self, lane: Lane) -> tuple[State, str]:
        """Return the state of a backend, and the problem that it is due to."""
        return self._states[lane][:2]

    def mark(self, lane: Lane, state: State, problem: str = "", after: float | None = None) -> None:
        """Store the state of a backend; it is not up again before `after` seconds, as it asked for."""
        now = self._clock.monotonic()
        if state is State.DOWN:
            self.costs.see(self.lanes.index(lane), {}, self._clock.wall())
        with self._lock:
            before, _, until = self._states[lane]
            if state is State.UP and now < until:
                return
            self._states[lane] = (state, problem, now + after if after else until)
        if before is not state:
            at = f"backend {self.lanes.index(lane) + 1} of {len(self.lanes)}"
            _LOG.log(logging.INFO if state is State.UP else logging.WARNING, "%s: %s%s", at, state, _tail(problem))

    def measure(self, lane: Lane, said: Mapping[str, Any]) -> bool:
        """Take note of the status of a backend, and take its weight from it, where it is not given.

        Return whether that is another one now.
        """
        self.costs.see(self.lanes.index(lane), said, self._clock.wall())
        places = said.get(PLACES)
        if not lane.measured or isinstance(places, bool) or not isinstance(places, int):
            return False
        before, lane.weight = lane.weight, min(MOST_WEIGHT, max(1, places))
        return lane.weight != before

    def takes(self, lane: Lane) -> bool:
        """Whether a backend gets new reports: it is up, or none is. One with weight 0 gets none."""
        if lane.weight == 0:
            return False
        return self._open(lane) or not any(self._open(other) for other in self.lanes)

    def goes_on(self, lane: Lane) -> bool:
        """Whether a backend goes on with the reports that it has."""
        return self.state(lane)[0] is not State.DOWN

    def another(self, lane: Lane) -> bool:
        """Whether another backend takes reports now."""
        return any(other is not lane and self._open(other) for other in self.lanes)

    def keeping(self, lane: Lane) -> frozenset[str]:
        """Return the names of the other backends that go on with the reports they have."""
        others = (other for other in self.lanes if other is not lane)
        return frozenset(other.name for other in others if self.goes_on(other))

    def counts(self) -> Counts:
        """Return how many backends are up."""
        return Counts(sum(self.state(lane)[0] is State.UP for lane in self.lanes), len(self.lanes))

    def places(self) -> int:
        """Return how many reports those that are up write at once."""
        return sum(lane.weight or 1 for lane in self.lanes if self._open(lane))

    def shown(self) -> Lane:
        """Return the first backend that is up, else the first."""
        return next((lane for lane in self.lanes if self.state(lane)[0] is State.UP), self.lanes[0])

    def _open(self, lane: Lane) -> bool:
        return lane.weight != 0 and self.state(lane)[0] in _OPEN


def _tail(problem: str) -> str:
    return f": {problem}" if problem else ""

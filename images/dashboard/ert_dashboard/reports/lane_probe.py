"""Health checks of one backend of several: it is up when it has its certificate, is healthy and accepts the key.

One that is down is worth its wake while many reports wait for those that are up.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ert_dashboard.backend import protocol
from ert_dashboard.backend.errors import BackendError, NotThere
from ert_dashboard.backend.fleet import Fleet, Lane, State
from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason
from ert_dashboard.reports.consumer import CallLoop
from ert_dashboard.reports.waking import Waking

EVERY_S = 2.0
ROUNDS_UP = 5  # between two checks of a backend that is up
_CHECK_S = 8.0
PER_PLACE = 2  # reports that wait for each place that is up; writing that many takes about as long as a wake


class LaneProbe(CallLoop):
    """Repeats the check, more often while the backend is not up; `more()` is called when it may take a report more."""

    def __init__(
        self, fleet: Fleet, lane: Lane, more: Callable[[], None], counts: Callable[[], tuple[int, int]], waking: Waking
    ) -> None:
        """`counts()` returns the number of running and of waiting reports."""
        super().__init__()
        self._counts = counts
        self._waking = waking
        self._fleet = fleet
        self._lane = lane
        self._more = more
        self._rounds = 0

    def start(self) -> None:
        self._begin(f"probe-{self._lane.name}", self._round)

    def _round(self) -> None:
        if self._rounds == 0 or self._fleet.state(self._lane)[0] is not State.UP:
            with self._calling() as call:
                if call is not None:
                    self._check(call)
        self._waking.lacks(self._lane.name, self._fleet.counts().up if self._is_wanted() else 0)
        self._rounds = (self._rounds + 1) % ROUNDS_UP
        self._loops.pause(EVERY_S)

    def _is_wanted(self) -> bool:
        places = self._fleet.places()
        if self._fleet.state(self._lane)[0] is not State.DOWN or self._lane.weight == 0 or not places:
            return False
        return self._counts()[1] >= PER_PLACE * places

    def _check(self, call: Interrupt) -> None:
        before, weight = self._fleet.state(self._lane)[0], self._lane.weight
        try:
            call.limit(_CHECK_S)
            state, problem = self._found(call)
        except BackendError as error:
            state, problem = State.DOWN, str(error)
        except Interrupted as stop:
            if stop.reason is not Reason.DEADLINE:
                return
            state, problem = State.DOWN, "it does not respond in time"
        finally:
            call.limit(None)
        self._fleet.mark(self._lane, state, problem)
        if state is State.UP and (before is not State.UP or self._lane.weight != weight):
            self._more()

    def _found(self, call: Interrupt) -> tuple[State, str]:
        client, said = self._lane.client, None
        status, health = client.health(call)
        if status != 200 or health.get("status") not in ("healthy", "online"):
            return State.DOWN, f"the backend is {protocol.boot_text(health)}"
        with suppress(NotThere):  # an early backend, which has no such route
            said = client.status(call)
        if said is not None:
            self._fleet.measure(self._lane, said)
            if said.get("draining") is True:
                return State.DRAINING, "the backend is about to stop"
        return State.UP, ""

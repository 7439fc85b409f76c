"""Waker: repeats the request to wake the backend while a report waits for it, or a visitor wants it.

All processes of a store have one waker: however many reports wait, the agent gets one series of requests. A process
that ends gives the role up with its lease, and the next one whose reports wait goes on.
"""

from __future__ import annotations

import logging
from typing import Protocol

from ert_dashboard.backend.agent_client import AgentTrouble, Wake
from ert_dashboard.backend.errors import BackendError, Unavailable
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt, Interrupted
from ert_dashboard.reports.consumer import CallLoop
from ert_dashboard.storage.waker_row import WakerRow

_LOG = logging.getLogger(__name__)
EVERY_S = 5.0  # between two requests while the machine starts
_LOOK_S = 1.0
_LASTING_S, _PROBLEM_S = 60.0, 15.0  # between two requests after a problem for which the agent names no time
_AGAIN_S = 60.0  # between two notes of one problem, which fades otherwise
_TRIES = 3  # of the waiting reports, after which a backend that is ready should have responded
WAKING = "the GPU is being woken"
BY_BUTTON = "the backend is asleep: the button `Wake the GPU` wakes it"


class Wakes(Protocol):
    """Who starts the machine: an agent, or a workflow. `elsewhere` is why reports wait although it is started."""

    @property
    def elsewhere(self) -> str: ...

    def wake(self, interrupt: Interrupt, machines: int = 1) -> Wake:
        """Request once that so many machines are ready; it is repeated. Raise `AgentTrouble`."""
        ...


class Waker(CallLoop):
    """Implements `Waking`. `automatic`: a report that waits is reason enough; otherwise only a visitor's request is."""

    moves = True
    longest_pause_s = 3.0

    def __init__(self, agent: Wakes, row: WakerRow, clock: Clock, *, automatic: bool) -> None:
        super().__init__()
        self._agent = agent
        self._row = row
        self._clock = clock
        self._automatic = automatic
        self._waiting: set[str] = set()
        self._lacking: dict[str, int] = {}
        self._holds = False
        self._next = 0.0
        self._problem = ""
        self._told = 0.0
        self._readies = 0

    def start(self) -> None:
        self._begin("wake", self._round)

    @property
    def problem(self) -> str:
        return self._row.problem(self._clock.wall())

    def waits(self, report_id: str, /) -> None:
        with self._loops.changed:
            if report_id not in self._waiting:
                self._waiting.add(report_id)
                self._loops.changed.notify_all()

    def ended(self, report_id: str, /) -> None:
        with self._loops.changed:
            self._waiting.discard(report_id)

    def lacks(self, machine: str, up: int, /) -> None:
        """Note that a machine that sleeps is needed, as many reports wait for the `up` ones; with 0 that it is not."""
        with self._loops.changed:
            self._lacking.pop(machine, None)
            if up:
                self._lacking[machine] = up

    def says(self, error: BackendError) -> str:
        """Return why the backend is not being woken, or that it is."""
        if isinstance(error, Unavailable) and not error.asleep:
            return str(error)
        series = self._automatic or self._row.wanted(self._clock.wall())
        return self.problem or (WAKING if series else BY_BUTTON)

    def _round(self) -> None:
        """Send one request if a report waits and it is time, or give the role back."""
        with self._loops.changed:
            if not self._loops.closing:
                self._loops.changed.wait(_LOOK_S)
        if self._loops.closing:
            return
        wanted = self._row.wanted(self._clock.wall())
        if not wanted and not (self._automatic and (self._waiting or self._lacking)):
            self._rest()
            return
        now = self._clock.monotonic()
        if now < self._next:
            if self._problem and now - self._told > _AGAIN_S:
                self._tell(self._problem)
            return
        if not self._row.hold():
            return
        if not self._holds:
            self._holds, self._problem = True, self.problem  # what the waker before has told
        result = self._ask()
        if result is not None:
            self._note(result, wanted=wanted)

    def _rest(self) -> None:
        """Give the role back. What was told last stays for a while: a visitor may not have read it yet."""
        self._next, self._readies = 0.0, 0
        if self._holds:
            self._row.leave()
            self._holds = False

    def _ask(self) -> Wake | None:
        """Request a wake; None when closing."""
        with self._calling() as call:
            if call is None:
                return None
            try:
                return self._agent.wake(call, 1 + min(self._lacking.values(), default=0))
            except AgentTrouble as error:
                return Wake(problem=str(error))
            except Interrupted:
                return None

    def _note(self, result: Wake, *, wanted: bool) -> None:
        self._readies = self._readies + 1 if result.ready and self._waiting else 0
        pause, problem = EVERY_S, ""
        if result.problem:
            pause = _LASTING_S if result.lasting else _PROBLEM_S
            problem = f"the GPU is not woken: {result.problem}"
        elif self._readies > _TRIES:
            problem = self._agent.elsewhere
        self._tell(problem)
        if wanted and (result.ready or result.lasting):
            self._row.settle()
        self._next = self._clock.monotonic() + (pause if result.after is None else max(1.0, result.after))

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            _LOG.log(logging.WARNING if problem else logging.INFO, "waking: %s", problem or "nothing is in the way")
        if problem or self._problem:
            self._row.tell(problem, self._clock.wall())
        self._problem, self._told = problem, self._clock.monotonic()

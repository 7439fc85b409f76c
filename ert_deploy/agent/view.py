"""View of one deployment: the last look, the run that is under way, and pauses after errors."""

from __future__ import annotations

from dataclasses import dataclass, field

from ert_deploy.agent.flight import Flight
from ert_deploy.app.waking.look import Look, Reached
from ert_deploy.app.waking.session import steady
from ert_deploy.core.model.errors import Busy, ErtError
from ert_deploy.core.verdict.waking import Action, Phase

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds after an error, doubled each time


@dataclass(frozen=True, slots=True)
class View:
    """What is known now: the last look, or why there is none, and the run that is under way.

    `reached` is how to reach the backend, None if it was not ready when everything was read last.
    """

    look: Look | None = None
    error: ErtError | None = None
    flight: Flight | None = None
    busy: bool = False
    reached: Reached | None = None

    @property
    def action(self) -> Action | None:
        """What the run does that is under way."""
        return self.flight.action if self.flight is not None else None

    def ready(self, machines: int) -> bool:
        """Whether so many were ready at the last look, or as many as can be woken."""
        seen = self.look
        known = seen is not None and seen.waking.phase is Phase.READY
        return known and seen is not None and (seen.up >= machines or not seen.asleep)


@dataclass(slots=True)
class Pauses:
    """Pause after errors in a row: no further attempt before `until`, by the monotonic clock."""

    errors: int = 0
    until: float = 0.0
    last: ErtError | None = None

    def note(self, error: ErtError | None) -> None:
        """Note the end of an attempt. A run of another operator only delays the next one, and is not counted."""
        self.last = error
        self.errors = 0 if error is None else self.errors + (not isinstance(error, Busy))
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** max(0, self.errors - 1))
        self.until = steady() + pause if error is not None else 0.0

    @property
    def left(self) -> float:
        """Seconds until the next attempt."""
        return max(0.0, self.until - steady())


@dataclass(slots=True)
class GatewayCounts:
    """Counters of the gateway: requests, those held now, the seconds of all that were held, and errors by code."""

    requests: int = 0
    held: int = 0
    held_seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Counts:
    """Counters for the metrics: looks that failed, runs by action and end, and those of the gateway."""

    failed_looks: int = 0
    runs: dict[tuple[str, str], int] = field(default_factory=dict)
    gateway: GatewayCounts = field(default_factory=GatewayCounts)

    def ended(self, action: str, error: ErtError | None) -> None:
        """Count the end of a run."""
        end = "busy" if isinstance(error, Busy) else "failed" if error is not None else "done"
        self.runs[action, end] = self.runs.get((action, end), 0) + 1


SOON = 5.0  # seconds between two looks while something happens
QUIET = 4  # times as long between two looks at what does not run: each reads a log at the GPU cloud


def pause(view: View, every: float, *, needed: bool, early: float) -> float:
    """Return the seconds until the next look, `early` those until a start in advance is due."""
    seen = view.look
    if view.flight is not None or needed or seen is None or seen.waking.phase is Phase.WAKING:
        return min(SOON, every)
    if seen.waking.phase in (Phase.ASLEEP, Phase.GONE):
        return min(every * QUIET, LONGEST_PAUSE, max(SOON, early))
    return every

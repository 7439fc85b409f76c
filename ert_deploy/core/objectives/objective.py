"""Objectives with their targets, and the verdict on what was measured. Missing data is unknown, never met."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

LEAST_COVERED = 0.9  # share of the hours with data below which nothing is claimed
SLOW = 120.0  # seconds that a report may take
DAYS = 30.0


class Name(StrEnum):
    """The objectives, in the order in which they are shown."""

    UPTIME = "uptime"
    HEALTH = "health checks"
    REPORTS = "reports"
    TIME = "report time"


class Verdict(StrEnum):
    """Whether an objective was met."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """Exit code of a command that reports it."""
        return {Verdict.MET: 0, Verdict.MISSED: 6, Verdict.UNKNOWN: 5}[self]


@dataclass(frozen=True, slots=True)
class Objective:
    """A share that has to be reached, or with `above` exceeded. `what` is the share of which it is."""

    name: Name
    target: float
    what: str
    above: bool = True

    def holds(self, value: float) -> bool:
        """Whether the value meets the target."""
        return value > self.target if self.above else value >= self.target


OBJECTIVES = (
    Objective(Name.UPTIME, 0.99, "of the time the app responded", above=False),
    Objective(Name.HEALTH, 0.99, "of the backend's health checks were good, but for those while it slept"),
    Objective(Name.REPORTS, 0.95, "of the finished reports were completed, without aborted ones"),
    Objective(Name.TIME, 0.95, f"of the completed reports were there within {SLOW:.0f} s"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A share, and of how many events it is; None is not known. `median` is in seconds, where it is about time."""

    share: float | None
    events: float | None = None
    median: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One objective with what was measured. `why` is the reason of an unknown verdict."""

    objective: Objective
    measured: Measured
    verdict: Verdict
    why: str = ""


def judge(measured: Mapping[Name, Measured], covered: float) -> tuple[Result, ...]:
    """Return the verdict on each objective; `covered` is the share of the hours of which there is data."""
    return tuple(_judged(one, measured.get(one.name, Measured(None)), covered) for one in OBJECTIVES)


def overall(results: Iterable[Result]) -> Verdict:
    """Return the verdict on all of them: one that was missed wins over one that is unknown."""
    found = {one.verdict for one in results}
    return next(one for one in (Verdict.MISSED, Verdict.UNKNOWN, Verdict.MET) if one in found or one is Verdict.MET)


def _judged(objective: Objective, measured: Measured, covered: float) -> Result:
    share = measured.share
    if share is None or not math.isfinite(share):
        return Result(objective, Measured(None, measured.events), Verdict.UNKNOWN, "there is no data of it")
    if covered < LEAST_COVERED:
        why = f"only {covered:.0%} of the hours have data"
        return Result(objective, measured, Verdict.UNKNOWN, why)
    return Result(objective, measured, Verdict.MET if objective.holds(share) else Verdict.MISSED)

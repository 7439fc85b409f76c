"""One report on its way: its state, its numbered events, and what a queue may say instead of taking it. No I/O."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ert_backend.base.clock import boot_seconds, iso_now
from ert_backend.base.report_request import ReportRequest


class Status(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({Status.DONE, Status.FAILED, Status.CANCELLED})


class Conflict(Exception):
    """The id is taken by a request with another content."""


class QueueFull(Exception):
    """No place; `after` is a guess in seconds when there will be one."""

    def __init__(self, after: int) -> None:
        super().__init__(after)
        self.after = after


class Draining(Exception):
    """No new work: this machine is about to stop."""


class TooCostly(Exception):
    """The request takes more processor time than a report may: the same request will again."""


class WriterLost(Exception):
    """The process that writes reports ended or fell silent; another try gets another process."""


class WriterBroke(Exception):
    """The writer met an error of its own; the text is its kind."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; ids count from 1 without a gap."""

    id: int
    name: str
    data: dict[str, object]


@dataclass(slots=True)
class Job:
    """One report on its way.

    `kept`: asked for in the background, so nobody has to wait for it; `collected`: somebody has its end; `attended`:
    how many connections wait for it now; `refused`: the request itself cannot be met.
    """

    id: str
    request: ReportRequest
    fingerprint: str
    created: str = field(default_factory=iso_now)
    status: Status = Status.QUEUED
    events: list[Event] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: str | None = None
    retryable: bool = False
    refused: bool = False
    finished_at: float | None = None
    kept: bool = False
    collected: bool = False
    attended: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, name: str, data: dict[str, object]) -> None:
        """Add an event and wake all who follow."""
        self.events.append(Event(len(self.events) + 1, name, data))
        waiting, self.changed = self.changed, asyncio.Event()
        waiting.set()

    def finish(self, status: Status, name: str, data: dict[str, object]) -> None:
        """Reach a final status with its last event."""
        self.status, self.finished_at = status, boot_seconds()
        self.tell(name, data)
        self.done.set()

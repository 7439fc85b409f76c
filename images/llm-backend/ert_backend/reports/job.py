"""Report job: its state, its numbered events, and the errors of the queue. No I/O."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ert_backend.base.clock import boot_seconds, iso_now
from ert_backend.base.report_request import ReportRequest


class Status(StrEnum):
    """State of a job; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


AT_ONCE = 1  # reports that a backend writes at a time; each keeps one slot of the engine to its end
FINAL = frozenset({Status.DONE, Status.FAILED, Status.CANCELLED})


class Conflict(Exception):
    """The id is in use by a request with different content."""


class QueueFull(Exception):
    """The queue is full; `after` is about how many seconds until it is not."""

    def __init__(self, after: int) -> None:
        super().__init__(after)
        self.after = after


class Draining(Exception):
    """No new work is accepted: this machine is about to stop."""


class TooCostly(Exception):
    """The request exceeds the processor time of a report, and would do so again."""


class WriterLost(Exception):
    """The writer process exited or hung; a retry gets a new process."""


class WriterBroke(Exception):
    """The writer failed with an internal error; the message is its type."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a job; ids are consecutive and start at 1."""

    id: int
    name: str
    data: dict[str, object]


@dataclass(slots=True)
class Job:
    """One report.

    `kept`: submitted in the background, so that it needs no open connection; `collected`: its result was fetched;
    `attended`: the number of open connections that wait for it; `refused`: the request itself cannot be served.
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
        """Append an event and notify all followers."""
        self.events.append(Event(len(self.events) + 1, name, data))
        waiting, self.changed = self.changed, asyncio.Event()
        waiting.set()

    def finish(self, status: Status, name: str, data: dict[str, object]) -> None:
        """Set a final status and append its event."""
        self.status, self.finished_at = status, boot_seconds()
        self.tell(name, data)
        self.done.set()

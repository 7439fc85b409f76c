"""Faults that can be switched on per call.

A fault names an operation and says what its client sees: nothing (a reset), another status, a late answer. `when` says
whether the effect has happened by then; "after" is the dangerous kind, because the client cannot tell.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ert_deploy.sandbox.httpd.echo import encoded, told
from ert_deploy.sandbox.httpd.messages import Reply, Request


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, used `count` times, after `skip` calls have gone through untouched.

    `when` is the moment of the effect: "before" the fault cuts in there is none (a fault without `reset` and `status`
    only delays), "after" it has happened, "late" it happens `late` real seconds after the client was told nothing.
    `twice` delivers the request two times and shows the second answer (with "after"). `delay` is real seconds before
    the answer; `reset` closes the connection without one; `status` replaces the answer; `cut` ends the connection
    after that many bytes of the body. `echo` names an encoding (see `echo`): the answer is an error, by default 400,
    that repeats what the request shows of its sender, the longest first.
    """

    operation: str
    when: Literal["before", "after", "late"] = "before"
    reset: bool = False
    status: int | None = None
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0
    count: int = 1
    skip: int = 0
    late: float = 0.0
    twice: bool = False
    cut: int | None = None
    echo: str = ""

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Fault:
        """A fault from JSON with the field names above; ValueError names what is unknown or missing."""
        unknown = sorted(set(value) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"unknown fault fields: {', '.join(unknown)}")
        if not isinstance(value.get("operation"), str):
            raise ValueError("a fault needs an operation")
        if value.get("when", "before") not in ("before", "after", "late"):
            raise ValueError("when must be before, after or late")
        if value.get("echo"):
            encoded("", value["echo"])
        return cls(**value)

    def answer(self, request: Request) -> Reply | None:
        """What takes the place of the honest answer; None where there is nothing."""
        if self.echo:
            said = "; ".join(encoded(text, self.echo) for text in sorted(told(request), key=len, reverse=True))
            words = dict.fromkeys(("msg", "message", "detail"), f"not with this: {said}")
            body = {"success": False, "error": "invalid_args", **words}
            return Reply.json(body, 400 if self.status is None else self.status, self.headers)
        if self.status is not None:
            return Reply(self.status, self.body.encode(), self.headers, self.content_type, self.cut)
        return None


class Faults:
    """The faults still to come, in the order they were added; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, int, int]] = []
        self._closing = threading.Event()
        self.seen: list[str] = []

    def add(self, fault: Fault) -> None:
        """Queue one fault behind those already there."""
        with self._lock:
            self._pending.append((fault, fault.skip, fault.count))

    def clear(self) -> None:
        """Drop all faults that have not happened yet."""
        with self._lock:
            self._pending.clear()

    def take(self, operation: str) -> Fault | None:
        """The fault for this call of `operation`, if one is due; counts the call either way."""
        with self._lock:
            self.seen.append(operation)
            for index, (fault, skip, count) in enumerate(self._pending):
                if fault.operation != operation:
                    continue
                if skip:
                    self._pending[index] = (fault, skip - 1, count)
                    return None
                self._use(index, fault, count)
                return fault
        return None

    def _use(self, index: int, fault: Fault, count: int) -> None:
        if count > 1:
            self._pending[index] = (fault, 0, count - 1)
        else:
            del self._pending[index]

    def close(self) -> None:
        """End all pauses now; the server is going away."""
        self._closing.set()

    def pause(self, fault: Fault) -> None:
        """Wait out the fault's delay, in real seconds."""
        if fault.delay:
            self._closing.wait(fault.delay)

    def pending(self) -> list[dict[str, Any]]:
        """What is still to come, for the status page."""
        with self._lock:
            return [{"operation": f.operation, "skip": s, "count": c} for f, s, c in self._pending]

"""Fault injection per call.

A fault applies to an operation and defines what its client receives: a reset, another status or a late response.
`when` defines whether the operation has taken effect by then; "after" is the dangerous case, because the client
cannot know.
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
    """One fault, applied `count` times, after `skip` calls without it.

    `when` is the time of the effect: "before" means there is none (a fault without `reset` and `status` is only a
    delay), "after" means it precedes the response, "late" means it follows `late` real seconds after the request; by
    default the response is then an empty 504. `twice` runs the handler two times and returns the second response (with
    "after"). `delay` is the time before the response in real seconds; `reset` closes the connection without a response;
    `status` replaces the response; `cut` closes the connection after that many bytes of the body. `echo` is an encoding
    (see `echo`): the response is an error, by default 400, with the values that the request reveals, longest first.
    `kind` names the trouble that it belongs to, if any.
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
    kind: str = ""

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Fault:
        """Return a fault from JSON with the field names above. Raises `ValueError` for unknown or invalid fields."""
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
        """Return the response that replaces the real one, or None to keep the real one."""
        if self.echo:
            said = "; ".join(encoded(text, self.echo) for text in sorted(told(request), key=len, reverse=True))
            words = dict.fromkeys(("msg", "message", "detail"), f"not with this: {said}")
            body = {"success": False, "error": "invalid_args", **words}
            return Reply.json(body, 400 if self.status is None else self.status, self.headers)
        if self.status is not None:
            return Reply(self.status, self.body.encode(), self.headers, self.content_type, self.cut)
        return None


class Faults:
    """The pending faults, in the order in which they were added. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, int, int]] = []
        self._closing = threading.Event()
        self.seen: list[str] = []

    def add(self, fault: Fault) -> None:
        """Append a fault to the queue."""
        with self._lock:
            self._pending.append((fault, fault.skip, fault.count))

    def clear(self, kind: str | None = None) -> None:
        """Remove all pending faults, or those of one kind of trouble."""
        with self._lock:
            self._pending = [one for one in self._pending if kind is not None and one[0].kind != kind]

    def kinds(self) -> set[str]:
        """Return the kinds of trouble that have a pending fault."""
        with self._lock:
            return {fault.kind for fault, _, _ in self._pending if fault.kind}

    def take(self, operation: str) -> Fault | None:
        """Return the fault for this call of `operation`, or None; the call is recorded in `seen` in both cases."""
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
        """Interrupt all delays, because the server is shutting down."""
        self._closing.set()

    def pause(self, fault: Fault) -> None:
        """Wait for the delay of the fault, in real seconds."""
        if fault.delay:
            self._closing.wait(fault.delay)

    def pending(self) -> list[dict[str, Any]]:
        """Return the pending faults as JSON, for the status page."""
        with self._lock:
            return [{"operation": f.operation, "skip": s, "count": c} for f, s, c in self._pending]

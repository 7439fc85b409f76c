"""Writer protocol: the steps between the writer process and the service, with their encoding. No I/O.

The writer is a generator of these steps, so that it can run in a separate process without an engine, while the process
with the engine does no checking.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from ert_backend.base.requested import Requested
from ert_backend.engine.protocol import Message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Room:
    """Limits of a report. `max_chars` limits a section's draft, `prompt_tokens` its prompt.

    With `held` the output is constrained to the schema and repaired once. The grammar of the schema costs a small model
    on a CPU more time than the output itself, so there it writes freely, and rejected sentences are dropped.
    """

    prompt_tokens: int
    max_chars: int = 6400
    held: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """The author: model, engine and digest by the engine's own names, and whether it is a sandbox's."""

    model: str
    engine: str
    digest: str
    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """Write this report within `cpu_seconds` of processor time."""

    request: Requested
    report_id: str
    room: Room
    origin: Origin
    cpu_seconds: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Request an output of the model with at most `max_chars` characters."""

    section: str
    messages: tuple[Message, ...]
    seed: int
    form: Mapping[str, object] | None
    max_chars: int


@dataclass(frozen=True, slots=True)
class Tell:
    """An event for the followers of the report."""

    name: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Size of a prompt, and the number of its tokens that the engine reports; 0 if unknown."""

    characters: int
    words: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Draft:
    """The model's output in one or more calls, with its cost; `complete` is False when it was truncated.

    `exchanges` has every prompt, `unlisted` is the number of figures that did not fit into it.
    """

    text: str
    complete: bool
    prompt_tokens: int = 0
    completion_tokens: int = 0
    thinking_tokens: int = 0
    seconds: float = 0.0
    calls: int = 1
    exchanges: tuple[Exchange, ...] = ()
    unlisted: int = 0

    def plus(self, other: Draft) -> Draft:
        """Return this text with the cost of both."""
        return replace(
            self,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            thinking_tokens=self.thinking_tokens + other.thinking_tokens,
            seconds=self.seconds + other.seconds,
            calls=self.calls + other.calls,
            exchanges=(*self.exchanges, *other.exchanges),
            unlisted=max(self.unlisted, other.unlisted),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """The engine failed; its message."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The report is finished."""

    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unwritten:
    """No report: the engine failed for all sections (`broken` empty), or the writer failed with this type of error."""

    text: str
    broken: str = ""


Answer = Draft | Failure
Writing = Generator[Ask | Tell, Answer | None, T]
Step = Begin | Ask | Tell | Draft | Failure | Done | Unwritten
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Begin, Ask, Tell, Draft, Failure, Done, Unwritten)}


def encoded(step: Step) -> bytes:
    """Encode the step as JSON, without copying its data; raise ValueError for NaN or an infinite number."""
    return json.dumps([type(step).__name__, _named(step)], allow_nan=False, default=_named).encode()


def _named(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def decoded(text: bytes) -> Step:
    """Decode a step; raise ValueError, TypeError or KeyError when it is invalid."""
    kind, said = json.loads(text)
    if kind == "Begin":
        made = {"request": Requested(**said["request"]), "room": Room(**said["room"])}
        said |= {**made, "origin": Origin(**said["origin"])}
    if kind == "Ask":
        said["messages"] = tuple(Message(**message) for message in said["messages"])
    step: Step = _KINDS[kind](**said)
    return step

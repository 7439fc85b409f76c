"""What writing a report is made of: what the writer asks the model for, what it gets, and what it says meanwhile.

The writer is a generator of these steps, so that it can run in a process of its own, which has no engine, and the
process with the engine does no checking. `encoded` and `decoded` are how a step looks on the way. Pure.
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
    """What a report has to fit into. `max_chars` bounds a section's draft, `prompt_tokens` its prompt.

    `held`: answers are held to the schema and repaired once. The grammar made of the schema costs a small model on a
    CPU more time than the words, so there it writes freely, and what does not stand is left out.
    """

    prompt_tokens: int
    max_chars: int = 6400
    held: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote: model, engine and digest by the engine's own names, and whether that is a sandbox's."""

    model: str
    engine: str
    digest: str
    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """Write this report within so many seconds of processor time."""

    request: Requested
    report_id: str
    room: Room
    origin: Origin
    cpu_seconds: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer of the model is wanted, of at most `max_chars` characters."""

    section: str
    messages: tuple[Message, ...]
    seed: int
    form: Mapping[str, object] | None
    max_chars: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Something that those who follow the report may know."""

    name: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Exchange:
    """How long a prompt was that was sent, and how many tokens of it the engine says it read; 0 for not known."""

    characters: int
    words: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote in one call or several, with the cost; `complete` is False when it was cut.

    `exchanges` has every prompt, `unlisted` counts figures that did not fit into it.
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
        """This text with the cost of both."""
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
    """The engine gave no answer; its words."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The report is written."""

    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unwritten:
    """No report came of it: the engine answered nothing (`broken` empty), or the writer broke by this kind of error."""

    text: str
    broken: str = ""


Answer = Draft | Failure
Writing = Generator[Ask | Tell, Answer | None, T]
Step = Begin | Ask | Tell | Draft | Failure | Done | Unwritten
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Begin, Ask, Tell, Draft, Failure, Done, Unwritten)}


def encoded(step: Step) -> bytes:
    """The step as JSON; ValueError where a number of it is none. What it holds is not copied for that."""
    return json.dumps([type(step).__name__, _named(step)], allow_nan=False, default=_named).encode()


def _named(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def decoded(text: bytes) -> Step:
    """The step that was encoded; ValueError, TypeError or KeyError where it is none."""
    kind, said = json.loads(text)
    if kind == "Begin":
        made = {"request": Requested(**said["request"]), "room": Room(**said["room"])}
        said |= {**made, "origin": Origin(**said["origin"])}
    if kind == "Ask":
        said["messages"] = tuple(Message(**message) for message in said["messages"])
    step: Step = _KINDS[kind](**said)
    return step

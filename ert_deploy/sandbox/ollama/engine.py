"""What an engine is asked to do and what it gives back; `llama` and `script` are two of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ert_deploy.sandbox.ollama.wire import Json, Metrics, Model

TOO_LONG = "the input length exceeds the context length"


@dataclass(frozen=True, slots=True)
class Job:
    """One generation. `messages` is a chat; `raw` is a prompt that goes to the model as it is."""

    messages: Sequence[Json] = ()
    raw: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    format: Any = None
    think: Any = None
    truncate: bool = True

    @property
    def text(self) -> str:
        """All that the model is given, one message per line."""
        return self.raw if self.raw is not None else "\n".join(str(m.get("content", "")) for m in self.messages)


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of the answer, or of the thinking before it."""

    content: str = ""
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The end: `stop` or `length`, and the counts (without total and load time)."""

    reason: str
    metrics: Metrics = field(default_factory=Metrics)


Answer = AsyncGenerator[Piece | Finish, None]


class Session(Protocol):
    """A model in memory: how much it takes in bytes (`size_vram` of it on the card), and its context in tokens."""

    @property
    def size(self) -> int: ...

    @property
    def size_vram(self) -> int: ...

    @property
    def context_length(self) -> int: ...

    def run(self, job: Job) -> Answer:
        """Generate. Closing the iterator cancels; Refusal when it fails."""

    def close(self) -> None:
        """Free the memory."""


class Engine(Protocol):
    """Loads models."""

    async def load(self, model: Model, num_ctx: int, parallel: int, /) -> Session:
        """Bring `model` into memory; Refusal when it can't be done."""

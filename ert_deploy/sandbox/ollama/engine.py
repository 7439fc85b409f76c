"""Engine interface: the input and output of a generation; implemented by `llama` and `script`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ert_deploy.sandbox.ollama.wire import Json, Metrics, Model

TOO_LONG = "the input length exceeds the context length"


@dataclass(frozen=True, slots=True)
class Job:
    """One generation. `messages` is a chat; `raw` is a prompt that is passed to the model unchanged."""

    messages: Sequence[Json] = ()
    raw: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    format: Any = None
    think: Any = None
    truncate: bool = True

    @property
    def text(self) -> str:
        """The complete input of the model, one message per line."""
        return self.raw if self.raw is not None else "\n".join(str(m.get("content", "")) for m in self.messages)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the generated text, or of the thinking before it."""

    content: str = ""
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The end: `stop` or `length`, and the metrics (without total and load duration)."""

    reason: str
    metrics: Metrics = field(default_factory=Metrics)


Answer = AsyncGenerator[Piece | Finish, None]


class Session(Protocol):
    """A loaded model: its size in bytes (`size_vram` is the part on the GPU) and its context in tokens."""

    @property
    def size(self) -> int: ...

    @property
    def size_vram(self) -> int: ...

    @property
    def context_length(self) -> int: ...

    def run(self, job: Job) -> Answer:
        """Generate. Closing the iterator cancels it. Raises `Refusal` on failure."""

    def close(self) -> None:
        """Release the memory."""


class Engine(Protocol):
    """Loads models."""

    async def load(self, model: Model, num_ctx: int, parallel: int, /) -> Session:
        """Load `model` into memory. Raises `Refusal` on failure."""

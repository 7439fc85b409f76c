"""What the report service needs of a language model server, and the errors it may meet there.

    EngineError
      EngineDown      nothing answers; worth waiting for, the guard restarts it
      ModelMissing    the server runs but has no such model
      EngineFailed    it answered with an error, also in the middle of a stream
        EngineRefused   it does not take this request, and would not take it again
        PromptTooLong   the messages have more tokens than its context

`ollama` and `openai_server` are two of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class EngineError(Exception):
    """The engine did not do what was asked; the text is the engine's own, cut short."""


class EngineDown(EngineError):
    """Not reachable, or the connection broke."""


class ModelMissing(EngineError):
    """It does not have the model."""


class EngineFailed(EngineError):
    """It said no, or broke off."""


class NotAsConfigured(EngineFailed):
    """What was asked for cannot be had on any machine: no such model, other weights, another context."""


class EngineRefused(EngineFailed):
    """It does not take the request."""


class PromptTooLong(EngineRefused):
    """The prompt does not fit its context."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model as the engine lists it; `size` in bytes."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory; sizes in bytes. `size_vram` below `size` means that part of it runs on the CPU.

    `size_vram` and `context` (tokens of one answer) are None where the engine does not tell them.
    """

    name: str
    digest: str
    size: int
    size_vram: int | None
    context: int | None


@dataclass(frozen=True, slots=True)
class PullProgress:
    """Bytes over all layers seen so far, and the engine's own word for what it is doing."""

    status: str
    completed: int
    total: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model wants called, or a part of that: `arguments` is JSON, parts of one `index` are joined."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. A tool's turn names the call and the function it answers."""

    role: str
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn where the caller says so; None is the engine's setting. `limit` in tokens.

    `top_logprobs`: that many alternatives with each token's probability, None for no probabilities. `tools` and
    `tool_choice` are in OpenAI's shape. What an engine cannot do is not in its `abilities`.
    """

    temperature: float | None = None
    limit: int | None = None
    stop: tuple[str, ...] = ()
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    top_logprobs: int | None = None
    effort: str | None = None
    json: bool = False
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: object = None


AS_SET = Sampling()


@dataclass(frozen=True, slots=True)
class Usage:
    """The engine's own account of one answer: tokens, and the seconds it took to decode them."""

    prompt_tokens: int
    completion_tokens: int
    decode_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of an answer. The last one carries the usage and no text. `logprobs` in OpenAI's shape."""

    content: str = ""
    thinking: str = ""
    usage: Usage | None = None
    calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()


class LlmEngine(Protocol):
    """A model server. Every method raises EngineError; closing a generator cancels the work behind it.

    `name` is what metrics and /health call it, `title` what messages do.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def abilities(self, model: str) -> frozenset[str]:
        """Which of `tools`, `tool_choice`, `response_format`, `logprobs`, `reasoning_effort` it can serve."""
        ...

    async def version(self) -> str:
        """The server's version as it reports it; cheap."""
        ...

    async def models(self) -> Sequence[Model]:
        """What is on its disk."""
        ...

    async def loaded(self) -> Sequence[Loaded]:
        """What is in its memory."""
        ...

    def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Download a model; ends when it is complete."""
        ...

    async def load(self, model: str) -> None:
        """Bring a model into memory with exactly the options that `chat` uses; returns when it is there."""
        ...

    def chat(
        self,
        model: str,
        messages: Sequence[Message],
        seed: int,
        schema: Mapping[str, object] | None = None,
        sampling: Sampling = AS_SET,
    ) -> AsyncGenerator[Piece, None]:
        """Answer, held to a JSON schema if one is given; ends with a piece that carries the usage."""
        ...

    async def measure(self, model: str, tokens: int) -> Usage:
        """Have it write about so many tokens of no use, with the options of `chat`, and say how long it took."""
        ...

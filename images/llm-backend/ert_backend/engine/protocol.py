"""Engine interface: the methods that a model server implements for the report service, and their errors.

    EngineError
      EngineDown      unreachable; retried, since the guard restarts the engine
      ModelMissing    the server runs but has no such model
      EngineFailed    it returned an error, also during a stream
        NotAsConfigured   the configured model exists on no machine
        EngineRefused     it does not accept this request, nor would it later
          PromptTooLong     the messages have more tokens than its context

Implemented by `ollama` and `openai_server`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class EngineError(Exception):
    """The engine failed; the message is the engine's own, truncated."""


class EngineDown(EngineError):
    """The engine is unreachable, or the connection was lost."""


class ModelMissing(EngineError):
    """The engine does not have the model."""


class EngineFailed(EngineError):
    """The engine returned an error, or an incomplete response."""


class NotAsConfigured(EngineFailed):
    """The configured model exists on no machine: no such model, other weights, another context."""


class EngineRefused(EngineFailed):
    """The engine does not accept the request."""


class PromptTooLong(EngineRefused):
    """The prompt exceeds the context."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model as the engine lists it; `size` in bytes."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory; sizes in bytes. `size_vram` below `size` means that part of it runs on the CPU.

    `size_vram` and `context` (tokens of one request) are None when the engine does not provide them.
    """

    name: str
    digest: str
    size: int
    size_vram: int | None
    context: int | None


@dataclass(frozen=True, slots=True)
class PullProgress:
    """Bytes over all layers so far, and the engine's own status."""

    status: str
    completed: int
    total: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function call by the model, or a chunk of one: `arguments` is JSON; chunks of the same `index` are joined."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message. A tool's message has the id of the call and the name of the function that it belongs to."""

    role: str
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling options; None is the engine's default. `limit` in tokens.

    `top_logprobs` is the number of alternatives with each token's probability, None for no probabilities. `tools` and
    `tool_choice` are in OpenAI's format. Options that an engine does not support are missing from its `abilities`.
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
    """The engine's usage for one response: tokens, and the seconds of decoding."""

    prompt_tokens: int
    completion_tokens: int
    decode_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of a response. The last one has the usage and no content. `logprobs` in OpenAI's format."""

    content: str = ""
    thinking: str = ""
    usage: Usage | None = None
    calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()


class LlmEngine(Protocol):
    """A model server. Every method raises EngineError; closing a generator cancels the request.

    `name` is used in metrics and `/health`, `title` in messages.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def abilities(self, model: str) -> frozenset[str]:
        """Return the supported subset of `tools`, `tool_choice`, `response_format`, `logprobs`, `reasoning_effort`."""
        ...

    async def version(self) -> str:
        """Return the server's version; cheap."""
        ...

    async def models(self) -> Sequence[Model]:
        """Return the models on its disk."""
        ...

    async def loaded(self) -> Sequence[Loaded]:
        """Return the models in memory."""
        ...

    def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Download a model; ends when it is complete."""
        ...

    async def load(self, model: str) -> None:
        """Load a model with exactly the options of `chat`; returns when it is in memory."""
        ...

    def chat(
        self,
        model: str,
        messages: Sequence[Message],
        seed: int,
        schema: Mapping[str, object] | None = None,
        sampling: Sampling = AS_SET,
    ) -> AsyncGenerator[Piece, None]:
        """Generate a response, constrained to a JSON schema if given; ends with a `Piece` that has the usage."""
        ...

    async def measure(self, model: str, tokens: int) -> Usage:
        """Generate about `tokens` tokens with the options of `chat`, and return the usage."""
        ...

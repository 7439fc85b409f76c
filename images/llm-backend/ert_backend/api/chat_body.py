"""JSON bodies of the chat routes in OpenAI's format, as types for their description. No I/O."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

FinishReason = Literal["stop", "length", "tool_calls"]


class ErrorBody(TypedDict):
    """OpenAI's error; `param` is the field that is not acceptable."""

    message: str
    type: str
    param: str | None
    code: str | None


class ChatProblem(TypedDict):
    """Refusal or failure below `/v1`."""

    error: ErrorBody


class Model(TypedDict):
    """The one model of the machine; `created` in seconds since 1970."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(TypedDict):
    """The one model of the machine."""

    object: Literal["list"]
    data: list[Model]


class CalledFunction(TypedDict):
    """Name and arguments (JSON in a string) of a call; a later chunk has a piece of the arguments alone."""

    arguments: str
    name: NotRequired[str]


class ToolUse(TypedDict):
    """A call of a tool; `index` in chunks, where only the first has an id and a type."""

    index: NotRequired[int]
    id: NotRequired[str]
    type: NotRequired[Literal["function"]]
    function: CalledFunction


class Logprobs(TypedDict):
    """Probabilities of the tokens, as the engine wrote them."""

    content: list[Any]
    refusal: None


class Said(TypedDict):
    """The model's message; `reasoning_content` is its thinking."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[ToolUse]]


class CompletionChoice(TypedDict):
    """The one message."""

    index: Literal[0]
    message: Said
    logprobs: Logprobs | None
    finish_reason: FinishReason


class TokenUsage(TypedDict):
    """Tokens of the request."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(TypedDict):
    """A chat response in one object."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: TokenUsage


class Delta(TypedDict):
    """A piece of the message; the first has the role."""

    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str]
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[ToolUse]]


class ChunkChoice(TypedDict):
    """A piece of the one message."""

    index: Literal[0]
    delta: Delta
    logprobs: Logprobs | None
    finish_reason: FinishReason | None


class CompletionChunk(TypedDict):
    """One event of a streamed response; the last one is `[DONE]`, or an error."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: NotRequired[TokenUsage]

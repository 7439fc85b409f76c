"""Request model of `POST /v1/chat/completions`: OpenAI's request, field by field, as its clients send it.

A field is used, passed to the engine, accepted without effect, or rejected by name: none is ignored silently. null
means "not given" in every optional field.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from ert_backend.api.chat_parts import PARTS, Choice, Format, Open, StreamOptions, Tool, Turn
from ert_backend.engine.protocol import Message, Sampling, ToolCall

# Without effect here: one machine, one key holder, no stored messages, no cache or tier to choose.
HARMLESS = frozenset(
    {"user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier", "prompt_cache_key"}
)
SEEDS = 2**31


class BadRequest(Exception):
    """A request that cannot be served; `param` is the field, when it is one of OpenAI's."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


def _words(value: object) -> object:
    """Normalise `stop` to a tuple: one string, several, or none."""
    return () if value is None else (value,) if isinstance(value, str) else value


Stop = Annotated[str, Field(min_length=1, max_length=64)]
Stops = Stop | Annotated[list[Stop], Field(max_length=4)] | None


class ChatRequest(Open):
    """OpenAI's request; `model` is ignored, since the machine has one model only."""

    messages: Annotated[tuple[Turn, ...], Field(min_length=1, max_length=1000)]
    model: Annotated[str, Field(max_length=200)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    seed: int | None = None
    stop: Annotated[tuple[Stop, ...], BeforeValidator(_words, json_schema_input_type=Stops), Field(max_length=4)] = ()
    response_format: Format | None = None
    tools: Annotated[tuple[Tool, ...], Field(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | Choice | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None

    def usage_apart(self) -> bool:
        """Whether a stream sends the usage in a chunk of its own."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def given_seed(self) -> int:
        """Return a seed that every engine accepts: 31 bits of the client's seed, otherwise random."""
        return secrets.randbelow(SEEDS) if self.seed is None else self.seed % SEEDS

    def conversation(self) -> list[Message]:
        """Return the messages in the engine's format."""
        names = {call.id: call.function.name for turn in self.messages for call in turn.tool_calls or ()}
        return [_message(turn, names) for turn in self.messages]

    def form(self) -> Mapping[str, object] | None:
        """Return the JSON schema of the response, if any."""
        wanted = self.response_format
        return wanted.json_schema.schema_ if wanted and wanted.json_schema else None

    def sampling(self, temperature: float, most: int) -> Sampling:
        """Return the sampling options: `temperature` when the client sets none, at most `most` tokens."""
        tools = () if self.tool_choice == "none" else self.tools or ()
        return Sampling(
            temperature=temperature if self.temperature is None else self.temperature,
            limit=min(self.max_completion_tokens or self.max_tokens or most, most),
            stop=self.stop,
            top_p=self.top_p,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
            effort=self.reasoning_effort,
            json=bool(self.response_format and self.response_format.type == "json_object"),
            tools=tuple(tool.model_dump(exclude_none=True) for tool in tools),
            tool_choice=self._choice() if tools else None,
        )

    def needs(self) -> Iterator[str]:
        """Yield the requested features that not every engine supports."""
        if self.tools and self.tool_choice != "none":
            yield "tools"
        if self._choice():
            yield "tool_choice"
        if self.response_format and self.response_format.type != "text":
            yield "response_format"
        if self.logprobs:
            yield "logprobs"
        if self.reasoning_effort is not None:
            yield "reasoning_effort"

    def _choice(self) -> object:
        """Return `tool_choice` when it differs from the default."""
        if isinstance(self.tool_choice, Choice):
            return {"type": "function", "function": {"name": self.tool_choice.function.name}}
        return self.tool_choice if self.tool_choice == "required" else None


def _message(turn: Turn, names: Mapping[str, str]) -> Message:
    calls = tuple(
        ToolCall(at, call.id, call.function.name, call.function.arguments or "{}")
        for at, call in enumerate(turn.tool_calls or ())
    )
    role = "system" if turn.role == "developer" else turn.role
    answered = turn.tool_call_id or ""
    return Message(role, turn.content, calls, answered, names.get(answered, ""))


def parse(body: bytes) -> ChatRequest:
    """Parse the request in `body`; raise BadRequest with the first invalid field."""
    try:
        asked = ChatRequest.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        raise BadRequest(_reason(problem), _place(problem["loc"])) from None
    for name, value in (asked.model_extra or {}).items():
        if value is not None and name not in HARMLESS:
            raise BadRequest(f"a field that is not served here; served are {SERVED}", _place((name,)))
    if asked.top_logprobs is not None and not asked.logprobs:
        raise BadRequest("top_logprobs needs logprobs: true", "top_logprobs")
    return asked


def _place(loc: Sequence[int | str]) -> str | None:
    """Return a path such as `messages[0].content`; it ends before the first name that the client made up."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part in _NAMES:
            text += f".{part}" if text else part
        elif part in _KINDS:
            continue  # pydantic's name for one kind of a value
        else:
            break
    return text or None


def _reason(problem: Mapping[str, Any]) -> str:
    kind = str(problem["type"])
    bounds = {name: value for name, value in problem.get("ctx", {}).items() if isinstance(value, int | float)}
    said = ", ".join(f"{name} {value:g}" for name, value in bounds.items())
    if kind == "ours":
        return str(problem["msg"])
    if kind == "missing":
        return "is required"
    return f"is not acceptable ({kind}{': ' + said if said else ''})"


_FUTURE = frozenset(
    {"audio", "modalities", "prediction", "functions", "function_call", "logit_bias", "verbosity", "web_search_options"}
)
SERVED = ", ".join([*ChatRequest.model_fields, *sorted(HARMLESS)])
_MODELS: tuple[type[BaseModel], ...] = (ChatRequest, *PARTS)
_NAMES = frozenset({name for model in _MODELS for name in model.model_fields} | HARMLESS | _FUTURE | {"schema"})
_KINDS = frozenset({"Choice"})

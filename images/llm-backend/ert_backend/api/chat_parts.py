"""Models of a chat request's parts in OpenAI's format: messages, tool calls, tools and the response format."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, NotRequired, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

_TURN_HARMLESS = frozenset({"name", "refusal", "annotations", "reasoning", "reasoning_content"})
LONGEST_TEXT = 400_000
TEXT_ONLY = "only text can be read: a string, a list of text parts, or null"


def _wrong(text: str) -> PydanticCustomError:
    return PydanticCustomError("ours", text)


def _joined(value: object) -> object:
    """Join a list of text parts into one string; null becomes an empty string."""
    if value is None:
        return ""
    if not isinstance(value, list):
        return value
    texts = [_part(part) for part in value]
    return "".join(texts)


def _part(part: object) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get(str(kind)) if isinstance(part, dict) and kind in {"text", "refusal"} else None
    if not isinstance(text, str):
        raise _wrong(TEXT_ONLY)
    return text


class TextPart(TypedDict):
    """Part of a message, of one kind."""

    type: Literal["text", "refusal"]
    text: NotRequired[str]
    refusal: NotRequired[str]


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Text = Annotated[
    str, BeforeValidator(_joined, json_schema_input_type=str | list[TextPart] | None), Field(max_length=LONGEST_TEXT)
]


class Open(BaseModel):
    """Keeps unknown fields, which are validated or passed on later."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Closed(BaseModel):
    """Rejects unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Called(Open):
    """The function of a tool call; `arguments` is JSON in a string."""

    name: Name
    arguments: Annotated[str, Field(max_length=LONGEST_TEXT)] = "{}"

    @model_validator(mode="after")
    def _is_json(self) -> Self:
        try:
            good = isinstance(json.loads(self.arguments or "{}"), dict)
        except (ValueError, RecursionError):
            good = False
        if not good:
            raise _wrong("arguments must be a JSON object in a string")
        return self


class Call(Open):
    """One tool call of an earlier message."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["function"] = "function"
    function: Called


class Turn(Open):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text = ""
    tool_calls: Annotated[tuple[Call, ...], Field(max_length=128)] | None = None
    tool_call_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _something_said(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("content") is None and not value.get("tool_calls"):
            raise _wrong("content is required, but for an assistant's turn with tool_calls")
        return value

    @model_validator(mode="after")
    def _known(self) -> Self:
        extra = {name: value for name, value in (self.model_extra or {}).items() if value not in (None, [], {})}
        if set(extra) - _TURN_HARMLESS:
            raise _wrong(TEXT_ONLY)
        if self.tool_calls and self.role != "assistant":
            raise _wrong("only an assistant's turn has tool_calls")
        if (self.role == "tool") != (self.tool_call_id is not None):
            raise _wrong("a tool's turn, and no other, needs tool_call_id")
        return self


class Function(Open):
    """A function that may be called; `parameters` is a JSON schema."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Open):
    """A tool that the model may call."""

    type: Literal["function"]
    function: Function


class Chosen(Closed):
    """The name of a function."""

    name: Name


class Choice(Closed):
    """The one tool that has to be called."""

    type: Literal["function"]
    function: Chosen


class Shape(Closed):
    """A JSON schema with a name; the name is ignored."""

    name: Name
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class Format(Closed):
    """The required format of the response."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Shape | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise _wrong("json_schema requires the type json_schema")
        return self


class StreamOptions(Closed):
    """Options of a stream besides its content."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


PARTS: tuple[type[BaseModel], ...] = (Turn, Call, Called, Tool, Function, Choice, Chosen, Format, Shape, StreamOptions)

"""OpenAI's Python client, helpers included, against the backend given by its environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
from pydantic import BaseModel

MODEL = "gpt-oss:20b"
HELLO: Any = [{"role": "user", "content": "Hello"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]


class Place(BaseModel):
    """The schema of the parsed response."""

    city: str


def refused(kind: type[openai.APIStatusError], call: Callable[[], object]) -> openai.APIStatusError:
    """Return the error that the call raises; it has to be of that type."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def models(client: openai.OpenAI) -> None:
    (row,) = client.models.list().data
    assert (row.id, row.object) == (MODEL, "model")
    assert client.models.retrieve(MODEL) == row
    assert refused(openai.NotFoundError, lambda: client.models.retrieve("other")).code == "model_not_found"


def whole(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model=MODEL, messages=HELLO, user="u", metadata={"a": "b"}, store=False)
    choice = made.choices[0]
    assert (choice.message.content, choice.message.role, choice.finish_reason) == ("Good day.", "assistant", "stop")
    assert choice.message.model_dump()["reasoning_content"] == "hm"
    assert made.usage is not None
    assert made.usage.total_tokens == 120
    again: Any = [*HELLO, choice.message.model_dump(), *HELLO]
    assert client.chat.completions.create(model=MODEL, messages=again, stop="x", seed=2**63).choices


def streams(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage is not None
    assert not chunks[-1].choices
    with client.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert final.choices[0].message.content == "Good day."


def forms(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Place)
    assert parsed.choices[0].message.parsed == Place(city="Oslo")
    kind: Any = {"type": "json_object"}
    assert client.chat.completions.create(model=MODEL, messages=HELLO, response_format=kind).choices


def tools(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(
        model=MODEL, messages=HELLO, tools=TOOLS, tool_choice="auto", parallel_tool_calls=False
    )
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    call: Any = message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Oslo"}')
    history: Any = [*HELLO, message, {"role": "tool", "tool_call_id": call.id, "content": "7"}]
    assert client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS).choices[0].message.content == (
        "It is 7 degrees."
    )
    with client.chat.completions.stream(model=MODEL, messages=HELLO, tools=TOOLS) as stream:
        made = stream.get_final_completion().choices[0].message.tool_calls
    assert made
    assert made[0].function.name == "weather"


def errors(client: openai.OpenAI) -> None:
    make = client.chat.completions.create
    assert (
        refused(openai.BadRequestError, lambda: make(model=MODEL, messages=HELLO, temperature=3)).param == "temperature"
    )
    assert refused(openai.BadRequestError, lambda: make(model=MODEL, messages=HELLO, n=2)).param == "n"
    assert refused(openai.BadRequestError, lambda: make(model=MODEL, messages=HELLO, logprobs=True)).param == "logprobs"
    image: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]
    found = refused(openai.BadRequestError, lambda: make(model=MODEL, messages=image))
    assert found.param == "messages[0].content"
    assert found.type == "invalid_request_error"
    refused(openai.NotFoundError, lambda: client.embeddings.create(model=MODEL, input="x"))
    refused(openai.NotFoundError, lambda: client.responses.create(model=MODEL, input="x"))
    stranger = client.with_options(api_key="wrong")
    assert refused(openai.AuthenticationError, stranger.models.list).code == "invalid_api_key"


def main() -> None:
    """Run every check; raise `AssertionError` on the first failure."""
    client = openai.OpenAI(max_retries=0)
    for part in (models, whole, streams, forms, tools, errors):
        part(client)
    print(f"openai {openai.__version__}")  # noqa: T201 - a program of its own


if __name__ == "__main__":
    main()

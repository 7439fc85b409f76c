"""LiteLLM's client, as one of its OpenAI-compatible providers, against the backend given by its environment."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import litellm

MODEL = "openai/gpt-oss:20b"
HELLO = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]


def ask(**named: Any) -> Any:
    """Request one completion."""
    return litellm.completion(
        model=MODEL, messages=HELLO, api_base=os.environ["OPENAI_BASE_URL"], num_retries=0, max_retries=0, **named
    )


def refused() -> str:
    """Return LiteLLM's error text for a request that the backend rejects."""
    try:
        ask(n=2)
    except litellm.BadRequestError as error:
        return str(error)
    return ""


def main() -> None:
    """Run every check; raise AssertionError on the first failure."""
    made = ask(temperature=0.2, max_tokens=20, stop="x", user="u")
    assert made.choices[0].message.content == "Good day."
    assert made.choices[0].message.reasoning_content == "hm"
    assert made.usage.total_tokens == 120
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Good day."
    assert [chunk.usage.total_tokens for chunk in chunks if getattr(chunk, "usage", None)] == [120]
    call = ask(tools=TOOLS).choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Oslo"}')
    assert ask(response_format={"type": "json_object"}).choices[0].message.content == '{"city": "Oslo"}'
    assert "is not acceptable" in refused()
    print(f"litellm {version('litellm')}")  # noqa: T201 - a program of its own


if __name__ == "__main__":
    main()

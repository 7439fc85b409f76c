"""OpenAI's Python client against the agent's gateway, with the defaults of the client: `gateway_python.py PART`.

The machine sleeps when a part begins, and is woken by it. Its exit code is 1 if a check fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import openai

MODEL = "gpt-oss:20b"
HELLO: Any = [{"role": "user", "content": "Hello"}]


def stream(client: openai.OpenAI) -> None:
    """Check that the comments of a stream that is held are skipped, and what follows is complete."""
    usage: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options=usage))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "Good day.", text
    assert chunks[-1].usage is not None, "stream_options were not passed on"
    with client.chat.completions.stream(model=MODEL, messages=HELLO) as helper:
        assert helper.get_final_completion().choices[0].message.content == "Good day."


def whole(client: openai.OpenAI) -> None:
    """Check that the 503 of a request without a stream is repeated by the client itself, and answered in the end."""
    made = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    assert made.parse().choices[0].message.content == "Good day."
    assert made.retries_taken > 0, "it was answered at once"


def limited(client: openai.OpenAI) -> None:
    """Check that a limit on starts is a `RateLimitError` with its code, after the client's own retries."""
    error = refused(openai.RateLimitError, lambda: client.chat.completions.create(model=MODEL, messages=HELLO))
    assert error.code == "wakes_per_hour", error.code
    assert int(error.response.headers["retry-after"]) > 0


def late(client: openai.OpenAI) -> None:
    """Check that an error after the first comment is raised, and is not taken for an end of the text."""
    chunks = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    error = refused(openai.APIError, lambda: list(chunks))
    assert error.code == "waking", error.code


def refused(kind: type[Any], call: Callable[[], object]) -> Any:
    """Return the error that the call raises; it has to be of that type."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


PARTS = {part.__name__: part for part in (stream, whole, limited, late)}

if __name__ == "__main__":
    PARTS[sys.argv[1]](openai.OpenAI())

"""Chat request parsing: any body is a request that an engine accepts, or is rejected without an echo of its content."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ert_backend.api.chat_request import BadRequest, ChatRequest, parse
from ert_backend.engine.ollama_wire import turn as ollama_turn
from ert_backend.engine.openai_wire import request

CANARY = "Canary4711"
FIELDS = sorted({*ChatRequest.model_fields, "user", "metadata", "store", "logit_bias", "audio", CANARY})
WORDS = st.sampled_from(
    ["user", "assistant", "tool", "function", "text", "json_schema", "auto", "none", CANARY, "", "{}"]
)
KEYS = st.sampled_from(
    ["role", "content", "type", "text", "function", "name", "arguments", "id", "tool_calls", "tool_call_id", CANARY,
     "json_schema", "schema", "include_usage", "parameters"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**64), 2**64), st.floats(allow_nan=False, allow_infinity=False), WORDS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
TURNS = st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=3)
BODIES = st.builds(
    lambda messages, more: {**more, "messages": messages},
    st.one_of(TURNS, st.just([{"role": "user", "content": "Hello"}]), VALUES),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
)


def read(body: dict[str, Any]) -> ChatRequest | BadRequest:
    """Return the request, or the error that rejects it."""
    try:
        return parse(json.dumps(body).encode())
    except BadRequest as refused:
        return refused


@settings(max_examples=150, deadline=None)
@given(BODIES)
def test_any_body_is_taken_or_refused(body: dict[str, Any]) -> None:
    asked = read(body)
    if isinstance(asked, BadRequest):
        assert asked.message
        assert CANARY not in f"{asked.message} {asked.param} {asked.code}"
        return
    turns, seed = asked.conversation(), asked.given_seed()
    assert 0 <= seed < 2**31
    assert set(asked.needs()) <= {"tools", "tool_choice", "response_format", "logprobs", "reasoning_effort"}
    sampling = asked.sampling(1.0, 100)
    json.dumps(request("m", turns, seed, asked.form(), sampling))
    json.dumps([ollama_turn(message) for message in turns])

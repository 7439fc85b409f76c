"""LangChain's OpenAI chat model against the backend given by its environment."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

MODEL = "gpt-oss:20b"


class Place(BaseModel):
    """A place."""

    city: str


def weather(city: str) -> str:
    """The weather of a city."""
    return city


def main() -> None:
    """Run every check; raise AssertionError on the first failure."""
    chat: Any = ChatOpenAI(model=MODEL, max_retries=0)
    said = chat.invoke("Hello")
    assert said.content == "Good day."
    assert said.usage_metadata["total_tokens"] == 120
    streaming: Any = ChatOpenAI(model=MODEL, max_retries=0, stream_usage=True)
    chunks = list(streaming.stream([HumanMessage("Hello")]))
    joined = chunks[0]
    for chunk in chunks[1:]:
        joined = joined + chunk
    assert joined.content == "Good day."
    assert joined.usage_metadata["total_tokens"] == 120, "counted once"
    for method in ("json_schema", "json_mode"):
        assert chat.with_structured_output(Place, method=method).invoke("Where, in JSON?") == Place(city="Oslo")
    bound = chat.bind_tools([weather])
    asked = bound.invoke("Hello")
    (call,) = asked.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Oslo"})
    history = [
        HumanMessage("Hello"),
        AIMessage("", tool_calls=asked.tool_calls),
        ToolMessage("7", tool_call_id=call["id"]),
    ]
    assert bound.invoke(history).content == "It is 7 degrees."
    print(f"langchain-openai {version('langchain-openai')}")  # noqa: T201 - a program of its own


if __name__ == "__main__":
    main()

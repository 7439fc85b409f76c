"""A client of OpenAI's API is served while the GPU sleeps: gateway, agent and backend as real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import Place, run_sandbox
from tests.support.agent.delivery import agent, ended

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280), pytest.mark.nightly]
KEY = "gateway-key-of-this-test-0123456789abcdef"
CHAT = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox that is slow enough for real processes on a busy machine."""
    yield from run_sandbox(tmp_path, "toy", 20.0)


def test_a_stream_that_is_requested_while_it_sleeps_is_held_and_then_written(place: Place) -> None:
    place.extra["ERT_GATEWAY_KEY"] = KEY
    process, url = agent(place, "--gateway")
    place.ert("up")
    place.ert("sleep")
    before = place.instances()
    headers = {"Authorization": f"Bearer {KEY}"}
    (model,) = requests.get(f"{url}/v1/models", headers=headers, timeout=10).json()["data"]
    body = {"model": model["id"], "messages": CHAT, "stream": True, "max_tokens": 8}
    with requests.post(f"{url}/v1/chat/completions", json=body, headers=headers, stream=True, timeout=200) as held:
        assert (held.status_code, held.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        lines = [line.decode() for line in held.iter_lines() if line]
    comments = [line for line in lines if line.startswith(":")]
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert comments, "nothing was said while it woke"
    assert data[-1] == "[DONE]"
    choices = [choice for piece in data[:-1] for choice in json.loads(piece)["choices"]]
    written = [choice["delta"].get("content") or "" for choice in choices]
    assert "".join(written)
    assert place.instances() == before
    whole = requests.post(f"{url}/v1/chat/completions", json=body | {"stream": False}, headers=headers, timeout=60)
    assert whole.json()["choices"][0]["message"]["content"]
    assert requests.get(f"{url}/v1/models", headers={"Authorization": "Bearer wrong"}, timeout=10).status_code == 401
    ended(place, process)

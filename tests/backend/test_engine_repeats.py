"""An engine that breaks while it writes: the section is requested again once the engine is back, twice a report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ert_backend.engine import repeats
from ert_backend.engine.bring_up import BringUp, Phase
from ert_backend.engine.protocol import EngineDown, LlmEngine
from tests.support.backend.rig import REQUEST, running, wait_for
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says

WHOLE = says("The company sells products ", "to its customers.")


def breaking(ollama: ScriptedOllama, times: int, then: Callable[[], None]) -> Callable[[Line], Iterator[Line]]:
    """Return a chat whose first `times` responses break off in the middle, after `then` is called."""
    left = [times]

    def chat(body: Line) -> Iterator[Line]:
        if left[0]:
            left[0] -= 1
            yield WHOLE[0]
            then()
            raise BrokenPipeError
        yield from WHOLE

    return chat


def written(tmp_path: Path, ollama: ScriptedOllama, job: dict[str, Any]) -> dict[str, Any]:
    with running(tmp_path, ollama.host) as backend, backend.client() as client:
        backend.wait_ready()
        path = "/reports/" + client.post("/reports", json=job).json()["id"]
        wait_for(lambda: client.get(path).json()["status"] in ("done", "failed"))
        return dict(client.get(path).json())


@pytest.mark.parametrize("restarts", [False, True])
def test_a_report_goes_on_when_the_engine_is_back(tmp_path: Path, ollama: ScriptedOllama, restarts: bool) -> None:
    ollama.chat = breaking(ollama, repeats.MOST, ollama.in_memory.clear if restarts else lambda: None)
    found = written(tmp_path, ollama, {**REQUEST, "sections": ["executive_summary"]})
    assert found["status"] == "done"
    chats = [body for body in ollama.bodies("/api/chat") if body["messages"]]
    assert chats[0] == chats[1] == chats[2]
    assert len([body for body in ollama.bodies("/api/chat") if not body["messages"]]) == 1 + restarts * repeats.MOST


def test_one_that_breaks_again_and_again_fails_it(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.chat = breaking(ollama, repeats.MOST + 1, lambda: None)
    found = written(tmp_path, ollama, {**REQUEST, "sections": ["executive_summary"]})
    assert (found["status"], found["retryable"]) == ("failed", True)
    assert "the connection to Ollama broke" in found["error"]


def test_one_on_a_host_that_fails_its_smoke_test_is_not_waited_for() -> None:
    async def broken() -> None:
        raise EngineDown("gone")

    state = BringUp("m", phase=Phase.FAILED, sick=True)
    waits = repeats.Repeats(state, cast(LlmEngine, None))
    with pytest.raises(EngineDown, match="gone"):
        asyncio.run(asyncio.wait_for(waits.of(broken), 5))
    assert waits.left == repeats.MOST


def test_one_that_does_not_come_back_in_time_fails_it(
    tmp_path: Path, ollama: ScriptedOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "LONGEST", 0.3)

    def end() -> None:
        ollama.in_memory.clear()
        ollama.load_gate.clear()

    ollama.chat = breaking(ollama, 1, end)
    found = written(tmp_path, ollama, {**REQUEST, "sections": ["executive_summary"]})
    assert found["status"] == "failed"
    assert len([body for body in ollama.bodies("/api/chat") if body["messages"]]) == 1

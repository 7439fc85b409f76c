"""Engine scheduling: reports before chats, limits per key, a deadline for the first and for the next token."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_backend.base.token_bucket import Buckets
from ert_backend.engine.protocol import EngineDown, Piece
from ert_backend.engine.turns import EngineBusy, Patience, Turns, timely
from tests.support.backend.rig import KEY, NEXT_KEY, REQUEST, Backend, running, wait_for
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says

ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
ONE = {**REQUEST, "sections": ["risk_analysis", "investment_thesis"]}


def test_a_report_goes_before_the_chats_that_came_first() -> None:
    async def play() -> list[str]:
        turns, order = Turns(1), list[str]()

        async def use(name: str, place: Any) -> None:
            async with place:
                order.append(name)
                await asyncio.sleep(0.01)

        chats = [asyncio.create_task(use(f"chat {n}", turns.chat(5))) for n in range(3)]
        await asyncio.sleep(0)
        reports = [asyncio.create_task(use(f"report {n}", turns.report())) for n in range(2)]
        await asyncio.gather(*chats, *reports)
        assert (turns.taken, turns.waiting) == (0, (0, 0))
        return order

    assert asyncio.run(play()) == ["chat 0", "report 0", "report 1", "chat 1", "chat 2"]


@pytest.mark.parametrize("seed", range(30))
def test_no_schedule_overfills_the_engine_loses_a_place_or_lets_a_chat_pass_a_report(seed: int) -> None:
    draw = random.Random(seed)
    slots = draw.randint(1, 3)

    async def play() -> None:
        turns, inside = Turns(slots), 0

        async def use(report: bool) -> None:
            nonlocal inside
            async with turns.report() if report else turns.chat(draw.uniform(0.001, 0.02)):
                inside += 1
                assert inside <= slots
                try:
                    await asyncio.sleep(draw.choice((0, 0, 0.001, 0.004)))
                finally:
                    inside -= 1

        async def one() -> None:
            await asyncio.sleep(draw.uniform(0, 0.03))
            try:
                async with asyncio.timeout(draw.choice((0.0, 0.002, 0.01, 5.0))):
                    await use(draw.random() < 0.4)
            except (TimeoutError, EngineBusy):
                pass

        await asyncio.gather(*(one() for _ in range(60)))
        assert (turns.taken, turns.waiting, inside) == (0, (0, 0), 0)

    asyncio.run(play())


def test_a_chat_that_waits_too_long_is_told_and_does_not_keep_a_place() -> None:
    async def play() -> None:
        turns = Turns(1)
        async with turns.report():
            with pytest.raises(EngineBusy):
                async with turns.chat(0.01):
                    raise AssertionError("there is no place")
        async with turns.chat(0.01):
            assert turns.taken == 1
        assert turns.taken == 0

    asyncio.run(play())


def test_tokens_have_a_deadline_the_first_one_another_than_the_next() -> None:
    async def slow(*pauses: float) -> AsyncGenerator[Piece, None]:
        try:
            for pause in pauses:
                await asyncio.sleep(pause)
                yield Piece("word")
        finally:
            closed.append(True)

    async def count(*pauses: float) -> int:
        got = 0
        async for _ in timely(slow(*pauses), Patience(first=0.2, between=0.05)):
            got += 1
        return got

    closed: list[bool] = []
    assert asyncio.run(count(0.1, 0.01, 0.01)) == 3
    with pytest.raises(EngineDown, match="first"):
        asyncio.run(count(5.0))
    with pytest.raises(EngineDown, match="next"):
        asyncio.run(count(0.1, 0.01, 5.0))
    assert closed == [True] * 3


def test_a_debt_of_tokens_is_filled_before_more_are_given() -> None:
    budget = Buckets(rate=10.0, burst=600.0)
    assert budget.wait("a", 0.0) == 0
    budget.spend("a", 700, 0.0)
    assert budget.wait("a", 0.0) == 11
    assert budget.wait("a", 5.0) == 6
    assert budget.wait("a", 11.0) == 0
    assert budget.wait("b", 0.0) == 0


def chats(ollama: ScriptedOllama) -> list[str]:
    """Return the requests to the engine, in order: `chat` or the task of a section."""
    asked = [body["messages"][-1]["content"] for body in ollama.bodies("/api/chat") if body["messages"]]
    return ["chat" if text == "Hello" else text.rpartition("Task: ")[2][:20] for text in asked]


@pytest.fixture
def opened(ollama: ScriptedOllama) -> Iterator[threading.Event]:
    """Block every response of the engine until the event is set."""
    gate = threading.Event()

    def chat(body: Line) -> list[Line]:
        gate.wait(20)
        return says("The company is profitable and steady.")

    ollama.chat = chat
    yield gate
    gate.set()


def test_many_chats_cost_a_report_one_answer_and_not_all_of_them(
    client: httpx.Client, backend: Backend, ollama: ScriptedOllama, opened: threading.Event
) -> None:
    with ThreadPoolExecutor(13) as pool:
        asked = [pool.submit(client.post, "/v1/chat/completions", json=ASK) for _ in range(12)]
        wait_for(lambda: backend.service.turns.waiting[1] == 11)
        report = pool.submit(client.post, "/generate_report", json=ONE)
        wait_for(lambda: backend.service.turns.waiting[0] == 1)
        opened.set()
        assert report.result().status_code == 200
        assert [answer.result().status_code for answer in asked] == [200] * 12
    order = chats(ollama)
    sections = [place for place, text in enumerate(order) if text != "chat"]
    assert sections == list(range(1, 1 + len(sections))), order
    assert len(sections) >= 2


def test_more_slots_let_chats_go_beside_a_report(
    tmp_path: Path, ollama: ScriptedOllama, opened: threading.Event
) -> None:
    with running(tmp_path, ollama.host, engine_slots=2) as backend, backend.client() as client:
        backend.wait_ready()
        with ThreadPoolExecutor(3) as pool:
            report = pool.submit(client.post, "/generate_report", json=ONE)
            wait_for(lambda: len(chats(ollama)) == 1)
            asked = [pool.submit(client.post, "/v1/chat/completions", json=ASK) for _ in range(2)]
            wait_for(lambda: len(chats(ollama)) == 2)
            wait_for(lambda: backend.service.turns.waiting == (0, 1))
            opened.set()
            assert {answer.result().status_code for answer in (report, *asked)} == {200}


def test_a_chat_that_does_not_get_its_turn_is_told_when_to_come_back(
    tmp_path: Path, ollama: ScriptedOllama, opened: threading.Event
) -> None:
    with running(tmp_path, ollama.host, chat_wait=0.2) as backend, backend.client() as client:
        backend.wait_ready()
        client.post("/reports", json={**ONE, "id": "first"})
        wait_for(lambda: chats(ollama))
        for stream in (True, False):
            refused = client.post("/v1/chat/completions", json={**ASK, "stream": stream})
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
        assert backend.service.ledger.record.in_flight == 1
        opened.set()
        wait_for(backend.service.jobs.jobs["first"].done.is_set)


def test_one_key_leaves_places_to_the_other(tmp_path: Path, ollama: ScriptedOllama, opened: threading.Event) -> None:
    with running(tmp_path, ollama.host, chat_key_limit=2, engine_slots=8) as backend, backend.client(KEY) as client:
        backend.wait_ready()
        with backend.client(NEXT_KEY) as other, ThreadPoolExecutor(3) as pool:
            asked = [pool.submit(client.post, "/v1/chat/completions", json=ASK) for _ in range(2)]
            wait_for(lambda: len(chats(ollama)) == 2)
            assert client.post("/v1/chat/completions", json=ASK).status_code == 429
            asked.append(pool.submit(other.post, "/v1/chat/completions", json=ASK))
            wait_for(lambda: len(chats(ollama)) == 3)
            opened.set()
            assert [answer.result().status_code for answer in asked] == [200] * 3
            assert client.post("/v1/chat/completions", json=ASK).status_code == 200


def test_an_answer_has_at_most_so_many_tokens_and_a_key_so_many_in_a_minute(
    tmp_path: Path, ollama: ScriptedOllama
) -> None:
    bounded = running(tmp_path, ollama.host, chat_tokens=500, chat_key_tokens=1000)
    with bounded as backend, backend.client() as client:
        backend.wait_ready()
        limits = []
        for wanted in ({}, {"max_tokens": 100_000}, {"max_tokens": 30}):
            assert client.post("/v1/chat/completions", json={**ASK, **wanted}).status_code == 200
            limits.append(ollama.bodies("/api/chat")[-1]["options"]["num_predict"])
        assert limits == [500, 500, 30]
        codes = [client.post("/v1/chat/completions", json=ASK) for _ in range(8)]
        refused = next(answer for answer in codes if answer.status_code == 429)
        assert sum(answer.status_code == 200 for answer in codes) in {6, 7}  # 120 tokens each, as counted by the engine
        assert int(refused.headers["Retry-After"]) > 0
        with backend.client(NEXT_KEY) as other:
            assert other.post("/v1/chat/completions", json=ASK).status_code == 200
        assert client.post("/generate_report", json=ONE).status_code == 200


def test_an_engine_without_a_first_token_ends_the_answer_and_frees_its_place(
    tmp_path: Path, ollama: ScriptedOllama, opened: threading.Event
) -> None:
    with running(tmp_path, ollama.host, first_token=0.3) as backend, backend.client() as client:
        backend.wait_ready()
        silent = client.post("/v1/chat/completions", json={**ASK, "stream": True})
        assert silent.status_code == 503
        late = client.post("/generate_report", json=ONE)
        assert late.status_code == 503
        assert "first token" in late.json()["detail"]
        wait_for(lambda: backend.service.turns.taken == 0)
        opened.set()
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200


def test_an_answer_that_stops_in_the_middle_is_ended(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("One ", "two ", "three ")
    ollama.chat_pause = 2.0
    with running(tmp_path, ollama.host, next_token=0.3) as backend, backend.client() as client:
        backend.wait_ready()
        text = client.post("/v1/chat/completions", json={**ASK, "stream": True}).text
        assert "One " in text
        assert "two " not in text
        assert "next token" in text
        assert backend.service.turns.taken == 0

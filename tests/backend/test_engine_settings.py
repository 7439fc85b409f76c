"""Engine selection and start: kind, command, address, slots, cache type, digest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ert_backend.engine.protocol import Usage
from ert_backend.engine.slots import chosen, measured
from ert_backend.guard import settings as guard
from ert_backend.settings import SettingsError, load
from tests.support.backend.rig import ENV, running, wait_for
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says


def test_the_guard_starts_the_engine_that_is_named_on_loopback_and_without_a_secret() -> None:
    env = {
        **ENV,
        "ERT_ENGINE": "openai",
        "ERT_ENGINE_CMD": "llama-server --alias 'x y'",
        "ERT_ENGINE_HOST": "0.0.0.0:9000",
        "CONTAINER_API_KEY": "secret",
    }
    settings = guard.load(env)
    assert (settings.engine, settings.ollama) == ("openai", ("llama-server", "--alias", "x y"))
    given = guard.ollama_environment(env, settings)
    assert given["ERT_ENGINE_HOST"] == "127.0.0.1:9000"
    assert not {"CONTAINER_API_KEY", "ERT_KEY_HASHES", "ERT_BOOT_SECRET", "ERT_TOKEN"} & given.keys()
    assert guard.app_environment(env, settings)["ERT_ENGINE_HOST"] == "127.0.0.1:9000"


def test_a_bad_engine_is_said_and_never_ends_the_guard() -> None:
    odd = guard.load({**ENV, "ERT_ENGINE": "vroom"})
    assert (odd.engine, odd.ollama) == ("ollama", ("ollama", "serve"))
    assert any("ERT_ENGINE" in problem for problem in odd.problems)
    without = guard.load({**ENV, "ERT_ENGINE": "openai"})
    assert "ERT_ENGINE_CMD is missing" in without.ollama[-1]


def test_a_smaller_cache_type_brings_what_it_needs() -> None:
    settings = guard.load(ENV)
    assert "OLLAMA_FLASH_ATTENTION" not in guard.ollama_environment(ENV, settings)
    quantised = {**ENV, "OLLAMA_KV_CACHE_TYPE": "q8_0"}
    assert guard.ollama_environment(quantised, settings)["OLLAMA_FLASH_ATTENTION"] == "1"


def test_the_app_asks_a_server_without_a_key_on_loopback_only() -> None:
    assert (
        load({**ENV, "ERT_ENGINE": "openai", "ERT_ENGINE_HOST": "localhost:9000"}).engine_url == "http://localhost:9000"
    )
    for bad in ("10.0.0.1:9000", "example.org", "127.0.0.1:x"):
        with pytest.raises(SettingsError, match="ERT_ENGINE_HOST is not"):
            load({**ENV, "ERT_ENGINE": "openai", "ERT_ENGINE_HOST": bad})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ERT_ENGINE", "vroom"),
        ("ERT_MODEL_DIGEST", "abc"),
        ("ERT_TEMPERATURE", "3"),
        ("ERT_CHAT_TEMPERATURE", "nan"),
        ("ERT_CHAT_TOKENS", "5"),
        ("OLLAMA_NUM_PARALLEL", "0"),
        ("ERT_PROBE_SLOTS", "maybe"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({**ENV, name: value})


def test_temperature_and_length_are_settings(tmp_path: Path, ollama: ScriptedOllama) -> None:
    place = running(tmp_path, ollama.host, temperature=0.5, chat_temperature=0.7, chat_tokens=99)
    with place as backend, backend.client() as client:
        backend.wait_ready()
        client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]})
    options = ollama.bodies("/api/chat")[-1]["options"]
    assert (options["temperature"], options["num_predict"]) == (0.7, 99)
    assert ollama.bodies("/api/chat")[0]["options"]["temperature"] == 0.5


def test_the_model_has_to_have_the_digest_that_is_asked_for(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.models, right = [], "ab" * 32
    with running(tmp_path, ollama.host, model_digest=right) as backend, backend.client() as client:
        wait_for(lambda: "and abababababab is required" in backend.service.state.detail)
        assert client.get("/health").json()["progress"]["phase"] == "failed"
        assert not ollama.in_memory
        ollama.digest = f"sha256:{right}"
        backend.wait_ready()
        assert client.get("/status").json()["model_digest"] == f"sha256:{right}"


@pytest.mark.parametrize(
    ("rates", "most", "slots"),
    [
        ({}, 1, 1),
        ({}, 4, 4),
        ({1: 100.0, 2: 124.0}, 2, 1),
        ({1: 100.0, 2: 126.0}, 2, 2),
        ({1: 100.0, 2: 126.0}, 3, 3),
        ({1: 100.0, 2: 150.0, 4: 180.0}, 4, 2),
        ({1: 100.0, 2: 150.0, 4: 190.0}, 4, 4),
        ({1: 100.0, 2: 150.0, 4: 190.0}, 16, 16),
        ({1: 100.0, 2: 150.0, 4: 180.0}, 16, 2),
        ({1: 100.0, 2: 90.0, 4: 400.0}, 4, 1),
    ],
)
def test_slots_are_taken_as_far_as_they_bring_a_quarter_more(rates: dict[int, float], most: int, slots: int) -> None:
    assert chosen(rates, most) == slots


def test_the_probe_asks_for_as_many_at_a_time_as_it_counts() -> None:
    class Engine:
        now = most = 0

        async def measure(self, model: str, tokens: int) -> Usage:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.02)
            self.now -= 1
            return Usage(1, tokens, 0.1, "length")

    engine = Engine()
    rates = asyncio.run(measured(engine, "m", 4))  # type: ignore[arg-type]
    assert engine.most == 4
    assert list(rates) == [1, 2, 4]
    assert list(asyncio.run(measured(Engine(), "m", 3))) == [1, 2]  # type: ignore[arg-type]


def test_the_probe_runs_at_boot_where_the_engine_has_more_slots(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, engine_slots=4, probe_slots=True) as backend, backend.client() as client:
        backend.wait_ready()
        status = client.get("/status").json()
        assert list(status["tokens_per_s_by_slots"]) == ["1", "2", "4"]
        assert status["slots"] in (1, 2, 4)
        assert f"ert_engine_slots {status['slots']:.1f}" in client.get("/metrics").text
    assert len(ollama.measured) == 1 + 1 + 2 + 4


def test_chats_keep_to_the_slots_that_pay(tmp_path: Path, ollama: ScriptedOllama) -> None:
    now, most, lock = 0, 0, threading.Lock()

    def chat(body: Line) -> Iterator[Line]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        yield from says("a", "b", "c")
        with lock:
            now -= 1

    ollama.chat, ollama.chat_pause = chat, 0.02
    body = {"messages": [{"role": "user", "content": "x"}]}
    with running(tmp_path, ollama.host, engine_slots=4) as backend, backend.client() as client:
        backend.wait_ready()
        for slots, expected in ((1, 1), (4, 4)):
            backend.service.turns.slots = slots
            most = 0
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(lambda _: client.post("/v1/chat/completions", json=body).status_code, range(4)))
            assert answers == [200] * 4
            assert most <= expected
            assert most > 1 or slots == 1

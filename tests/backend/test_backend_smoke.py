"""Boot smoke test: a host that is too slow, or did not load the requested model, is sick and serves no client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from ert_backend.engine.ollama import Ollama, session
from ert_backend.engine.protocol import Loaded, Usage
from ert_backend.engine.smoke_test import PROBE_TOKENS, UNKNOWN_FLOOR, HostSick, Standards, examine, floor
from ert_deploy.adapters.backend.probe import health_of
from ert_deploy.core.model.observed import Vital
from tests.support.backend.rig import REQUEST, running, wait_for
from tests.support.doubles.scripted_ollama import PROBE_TOKENS as SCRIPTED_TOKENS
from tests.support.doubles.scripted_ollama import ScriptedOllama

GPT = "gpt-oss:20b"


@pytest.mark.parametrize(
    ("model", "cards", "least"),
    [
        (GPT, ["NVIDIA GeForce RTX 3090"], 0.6 * 147.5),
        (GPT, ["NVIDIA GeForce RTX 4080 SUPER"], 0.6 * 139.1),
        (GPT, ["NVIDIA A100-SXM4-40GB"], 0.6 * 180.0),
        ("mistral:7b", ["NVIDIA RTX A5000"], 0.6 * 90.0),
        (GPT, ["NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 3090"], 0.6 * 147.5),
        (GPT, ["NVIDIA GeForce RTX 4090 Laptop GPU"], UNKNOWN_FLOOR),
        (GPT, ["NVIDIA GeForce RTX 9999"], UNKNOWN_FLOOR),
        ("command-r:35b", ["NVIDIA GeForce RTX 3090"], UNKNOWN_FLOOR),
        (GPT, [], UNKNOWN_FLOOR),
    ],
)
def test_the_floor_is_sixty_percent_of_what_the_card_is_known_for(model: str, cards: list[str], least: float) -> None:
    assert floor(model, cards) == pytest.approx(least)


def host(
    ollama: ScriptedOllama, context: int = 16384, share: float = 1.0, card: str = "", sandbox: bool = False
) -> float:
    """Return the speed by `examine`; raise HostSick when it rejects the host."""

    async def cards() -> Sequence[str]:
        return [card] if card else []

    async def look() -> float:
        async with session(f"http://{ollama.host}") as client:
            engine = Ollama(client, 16384, 1200)
            loaded = Loaded(GPT, "sha256:x", 1000, int(1000 * share), context)
            return (await examine(engine, loaded, Standards(16384, 1.0, None, cards), sandbox=sandbox)).speed

    return asyncio.run(look())


def test_a_fit_host_is_measured_once_and_with_the_options_of_every_chat(ollama: ScriptedOllama) -> None:
    ollama.speed = 150.0
    assert host(ollama, card="NVIDIA GeForce RTX 3090") == pytest.approx(150.0)
    (body,) = ollama.measured
    assert body["options"]["num_ctx"] == 16384
    assert body["options"]["num_predict"] == PROBE_TOKENS == SCRIPTED_TOKENS


def test_a_slow_host_is_measured_again_before_it_is_refused(ollama: ScriptedOllama) -> None:
    ollama.speed = 80.0
    with pytest.raises(HostSick, match=r"80\.0 tokens/s, and at least 88\.5"):
        host(ollama, card="NVIDIA GeForce RTX 3090")
    assert len(ollama.measured) == 2


def test_a_context_that_is_not_the_one_asked_for_is_refused(ollama: ScriptedOllama) -> None:
    for context in (4096, 32768, 0):
        with pytest.raises(HostSick, match="instead of the required 16384"):
            host(ollama, context=context)


def test_one_layer_on_the_cpu_is_refused_but_not_in_a_sandbox(ollama: ScriptedOllama) -> None:
    with pytest.raises(HostSick, match="only 99% of the model"):
        host(ollama, share=0.99)
    assert host(ollama, share=0.5, sandbox=True) > 0


def test_an_engine_that_counts_no_tokens_is_no_proof_of_speed() -> None:
    class Silent:
        async def measure(self, model: str, tokens: int) -> Usage:
            return Usage(0, 0, 0.0, "stop")

    async def none() -> Sequence[str]:
        return []

    standards = Standards(16384, 1.0, None, none)
    with pytest.raises(HostSick, match=r"0\.0 tokens/s"):
        asyncio.run(examine(Silent(), Loaded(GPT, "", 1, 1, 16384), standards, sandbox=False))  # type: ignore[arg-type]


def test_a_sick_host_says_so_at_every_look_and_is_taken_when_it_recovers(
    tmp_path: Path, ollama: ScriptedOllama
) -> None:
    ollama.speed = 9.0
    with running(tmp_path, ollama.host) as backend, backend.client() as client:
        wait_for(lambda: client.get("/health").json()["status"] == "sick")
        for _ in range(30):
            answer = client.get("/health")
            seen = health_of(answer.status_code, answer.content, "pem")
            assert (seen.vital, seen.phase) == (Vital.UNHEALTHY, "failed")
            assert "9.0 tokens/s, and at least 15.0" in seen.detail
        wait_for(lambda: len(ollama.measured) >= 4)
        assert client.post("/generate_report", json=REQUEST).status_code == 503
        ollama.speed = 120.0
        backend.wait_ready()
        assert client.get("/status").json()["tokens_per_s"] == 120.0


def test_a_spilled_model_makes_a_sick_host(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.vram_share = 0.5
    with running(tmp_path / "a", ollama.host) as backend:
        wait_for(lambda: "only 50% of the model fits the GPU" in backend.service.state.detail)
    ollama.version = "0.35.0-sandbox"
    with running(tmp_path / "b", ollama.host) as backend:
        backend.wait_ready()


def test_a_floor_can_be_set_and_a_sandbox_sets_it_to_none(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.speed = 2.0
    with running(tmp_path, ollama.host, min_speed=0.0) as backend:
        backend.wait_ready()

"""The boot smoke test: is this host worth its price? Asked once the model is in memory, before anybody is served.

    context   what the engine says it loaded with (/api/ps) is what was asked for: nothing else proves that it is pinned
    memory    the whole model is on the card; a part on the CPU costs the same and is ten times slower
    speed     tokens per second of a short answer, by the engine's count: 60 % of what the card is known for, or more

A host that fails is sick: it says so through /health, and whoever rented it takes another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ert_backend.engine import slots
from ert_backend.engine.protocol import EngineError, LlmEngine, Loaded, NotAsConfigured

SHARE_OF_KNOWN = 0.6
# For a card or a model without a figure: above the 7 to 10 tokens/s that a model half on the CPU was reported with
# (ollama/ollama issue 11688), and far below any whole one that fits a 24 GB card.
UNKNOWN_FLOOR = 15.0
PROBE_TOKENS = 48
TRIES = 2

# Tokens per second, one stream. gpt-oss-20b: smeltcore.com recipes (2026-05/06), the lowest figure per card. 7B to 8B
# with four bits: XiongjieDai/GPU-Benchmarks-on-LLM-Inference (2024-05, llama 8B Q4_K_M, 1024 tokens). The A5000's are
# reckoned from its memory bandwidth.
KNOWN: dict[str, dict[str, float]] = {
    "gpt-oss:20b": {
        "RTX 3090": 147.5,
        "RTX 4090": 190.6,
        "RTX 4080": 139.1,
        "RTX 5080": 172.4,
        "RTX A5000": 115.0,
        "A100": 180.0,
    },
    "8b": {"RTX 3090": 111.7, "RTX 4090": 127.7, "RTX 4080": 106.2, "RTX A5000": 90.0},
}
SMALL = ("llama3.1:8b", "mistral:7b")


class HostSick(EngineError):
    """The engine works, and this host is not fit to serve; the text says what was measured."""


class AllSick(HostSick, NotAsConfigured):
    """So would every host be."""


@dataclass(frozen=True, slots=True)
class Standards:
    """What is asked of a host. `floor` in tokens/s replaces the table; `cards` reads the cards' names, or none.

    `slots`: so many answers the engine was started to write at the same time; `probe`: measure how many of them pay.
    """

    context: int
    gpu_share: float
    floor: float | None
    cards: Callable[[], Awaitable[Sequence[str]]]
    slots: int = 1
    probe: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """Tokens per second as measured, and what they were held against.

    `rates`: of several answers at a time, by their number; `slots`: how many of them pay.
    """

    speed: float
    floor: float
    rates: Mapping[int, float] = field(default_factory=dict)
    slots: int = 1


async def examine(engine: LlmEngine, loaded: Loaded | None, standards: Standards, *, sandbox: bool) -> Finding:
    """The finding on a fit host; HostSick for another one, EngineError when the engine cannot be asked."""
    if loaded is None:
        raise HostSick("the engine does not list the model it has just loaded")
    if loaded.context is not None and loaded.context != standards.context:
        raise AllSick(f"the context is {loaded.context} tokens and not the {standards.context} asked for")
    if not sandbox and loaded.size_vram is not None and loaded.size_vram < standards.gpu_share * loaded.size:
        raise HostSick(f"only {loaded.size_vram / loaded.size:.0%} of the model fits the GPU")
    limit = standards.floor if standards.floor is not None else floor(loaded.name, await standards.cards())
    speed = await _speed(engine, loaded.name, limit)
    if speed < limit:
        raise HostSick(f"{speed:.1f} tokens/s, and at least {limit:.1f} are expected of this card")
    asked = standards.probe and standards.slots > 1
    rates = await slots.measured(engine, loaded.name, standards.slots) if asked else {}
    return Finding(speed, limit, rates, slots.chosen(rates, standards.slots))


def floor(model: str, cards: Sequence[str]) -> float:
    """Tokens per second below which a host with these cards is not taken for this model."""
    table = KNOWN.get("8b" if model in SMALL else model, {})
    found = [_known(table, card) for card in cards]
    # A model may be spread over all cards; the slowest sets the pace.
    return min((figure * SHARE_OF_KNOWN if figure else UNKNOWN_FLOOR for figure in found), default=UNKNOWN_FLOOR)


def _known(table: dict[str, float], card: str) -> float | None:
    """The figure of a card as `nvidia-smi` names it. A laptop's is another chip under the same name."""
    if "laptop" in card.lower() or "max-q" in card.lower():
        return None
    words = card.replace("-", " ").split()
    return next((figure for name, figure in table.items() if set(name.split()) <= set(words)), None)


async def _speed(engine: LlmEngine, model: str, wanted: float) -> float:
    """The best of a few short answers: the first one after a load also pays for warming up."""
    best = 0.0
    for _ in range(TRIES):
        usage = await engine.measure(model, PROBE_TOKENS)
        if usage.decode_seconds > 0:
            best = max(best, usage.completion_tokens / usage.decode_seconds)
        if best >= wanted:
            break
    return best

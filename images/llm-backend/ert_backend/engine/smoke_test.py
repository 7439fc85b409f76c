"""Boot smoke test: checks that this host meets the requirements, once the model is in memory and before it is served.

    context   the context of the loaded model (`/api/ps`) is the configured one: there is no other proof of it
    memory    the whole model is on the card; a part on the CPU costs the same and is ten times slower
    speed     tokens per second of a short output, as the engine measures it: at least 60 % of the card's known figure

A host that fails is sick: `/health` reports that, and the tool that rented it takes another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ert_backend.engine import slots
from ert_backend.engine.protocol import EngineError, LlmEngine, Loaded, NotAsConfigured

SHARE_OF_KNOWN = 0.6
# For a card or a model without a known figure: above the 7 to 10 tokens/s that were reported for a model partly on the
# CPU (ollama/ollama issue 11688), and far below any model that fits completely on a 24 GB card.
UNKNOWN_FLOOR = 15.0
PROBE_TOKENS = 48
TRIES = 2

# Tokens per second, one stream. gpt-oss-20b: smeltcore.com recipes (2026-05/06), the lowest figure per card. 7B to 8B
# with four bits: XiongjieDai/GPU-Benchmarks-on-LLM-Inference (2024-05, llama 8B Q4_K_M, 1024 tokens). The A5000's are
# estimated from its memory bandwidth.
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
    """The engine works, but this host does not meet the requirements; the message is the measurement."""


class AllSick(HostSick, NotAsConfigured):
    """A failure that would occur on every host."""


@dataclass(frozen=True, slots=True)
class Standards:
    """Requirements of a host. `floor` in tokens/s replaces the table; `cards` reads the names of the cards.

    `slots` is the number of parallel requests that the engine was started with; with `probe` it is measured how many of
    them increase the throughput.
    """

    context: int
    gpu_share: float
    floor: float | None
    cards: Callable[[], Awaitable[Sequence[str]]]
    slots: int = 1
    probe: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """The measured tokens per second, and the required ones.

    `rates` is the throughput by the number of parallel requests, `slots` the number selected.
    """

    speed: float
    floor: float
    rates: Mapping[int, float] = field(default_factory=dict)
    slots: int = 1


async def examine(engine: LlmEngine, loaded: Loaded | None, standards: Standards, *, sandbox: bool) -> Finding:
    """Return the finding; raise HostSick when the host fails, EngineError when the engine does."""
    if loaded is None:
        raise HostSick("the engine does not list the model it has just loaded")
    if loaded.context is not None and loaded.context != standards.context:
        raise AllSick(f"the context is {loaded.context} tokens instead of the required {standards.context}")
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
    """Return the minimum tokens per second of a host with these cards for this model."""
    table = KNOWN.get("8b" if model in SMALL else model, {})
    found = [_known(table, card) for card in cards]
    # A model may be distributed over all cards; the slowest limits its speed.
    return min((figure * SHARE_OF_KNOWN if figure else UNKNOWN_FLOOR for figure in found), default=UNKNOWN_FLOOR)


def _known(table: dict[str, float], card: str) -> float | None:
    """Return the figure of a card by its name in `nvidia-smi`. A laptop's is another chip with the same name."""
    if "laptop" in card.lower() or "max-q" in card.lower():
        return None
    words = card.replace("-", " ").split()
    return next((figure for name, figure in table.items() if set(name.split()) <= set(words)), None)


async def _speed(engine: LlmEngine, model: str, wanted: float) -> float:
    """Return the best of a few short runs: the first one after a load includes the warm-up."""
    best = 0.0
    for _ in range(TRIES):
        usage = await engine.measure(model, PROBE_TOKENS)
        if usage.decode_seconds > 0:
            best = max(best, usage.completion_tokens / usage.decode_seconds)
        if best >= wanted:
            break
    return best

"""Reports about impossible companies: values over the whole range of doubles, swapped types, costly text.

Every input is accepted as a report, so that writer, tables and checks process it; `answers` is an equally hostile
model. `watch` requests /health at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import math
import random
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ert_backend.grounding.vocabulary import KNOWN
from ert_backend.reports.sections import DEFAULT_ORDER
from tests.abuse.inputs import GOOD, Input, Way, mark, request
from tests.abuse.sender import connect
from tests.abuse.stage import Stage
from tests.support.backend.costly_texts import PIECES, filled
from tests.support.backend.hostile_texts import HOSTILE
from tests.support.doubles.scripted_ollama import Line, says

FAMILY = "report~"
EDGES = (5e-324, 1e-320, 2.2250738585072014e-308, 1e-17, 1e-9, 1e17, 1.7976931348623157e308, 0.0, -0.0, math.nan)
WHOLE = (0, -1, 2**31, 2**53 + 1, 2**63, 10**18, 10**30, -(10**17))
GROUPS = ("company_data", "financial_data", "market_data")
NESTED = ("history", "quarters", "peer_metrics", "analyst_estimates", "recent_headlines", "ratios", "__proto__")


def reports(count: int, seed: int) -> Iterator[Input]:
    """Yield `count` report requests, always the same for one seed."""
    for index in range(count):
        rng, canary = random.Random(f"{seed}/{FAMILY}/{index}"), mark(FAMILY, seed, index)
        body = json.dumps(_body(rng, canary)).encode()
        way = Way.TLS if index % 2 else Way.PLAIN
        yield Input(FAMILY, f"report {index}", (request("POST", "/generate_report", body=body, key=GOOD),), way)


def _body(rng: random.Random, canary: str) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = {name: {} for name in GROUPS}
    for name in rng.sample(sorted(KNOWN), rng.randrange(len(KNOWN))):
        groups[rng.choice(GROUPS)][name] = _value(rng, canary)
    for name in rng.sample(NESTED, rng.randrange(4)):
        groups[rng.choice(GROUPS)][name] = [_row(rng, canary) for _ in range(rng.randrange(6))]
    if rng.random() < 0.5:
        groups["company_data"]["longBusinessSummary"] = _text(rng, canary)
    if rng.random() < 0.2:
        groups["market_data"]["recent_headlines"] = [_text(rng, canary) for _ in range(3)]
    if rng.random() < 0.1:
        groups["financial_data"][_text(rng, canary)[:300]] = _number(rng)
    sections = rng.sample(DEFAULT_ORDER, rng.choice((1, 1, 1, 1, 2))) + (["other"] if rng.random() < 0.1 else [])
    return {"ticker": f"F{rng.randrange(10**6)}", **groups, "sections": sections}


def _number(rng: random.Random) -> Any:
    """Return a double with random bits, an edge case, a whole number, or a realistic value."""
    any_bits: float = struct.unpack("<d", rng.randbytes(8))[0]
    likely = rng.uniform(-1, 1) * 10.0 ** rng.randrange(-4, 13)
    return rng.choice((any_bits, rng.choice(EDGES), -rng.choice(EDGES), rng.choice(WHOLE), likely, likely))


def _value(rng: random.Random, canary: str) -> Any:
    """Return a number, a number with its date and source, or an invalid value in its place."""
    if rng.random() < 0.7:
        return _number(rng)
    dated = {"value": _number(rng), "as_of": rng.choice(("2024-09-28", "9" * 40, canary, 7)), "source": canary}
    strings = ("356B", "1,560,000,000", "$-0.00", "NaN", "1e999", "", "12 %", canary, rng.choice(HOSTILE))
    others: tuple[Any, ...] = (
        None,
        True,
        False,
        [],
        {},
        [1e308, "x"],
        {"value": {"value": 1}},
        {"value": None},
        dated,
        dated,
    )
    return rng.choice((rng.choice(strings), rng.choice(others)))


def _row(rng: random.Random, canary: str) -> Any:
    named = {rng.choice(("period", "ticker", "name")): rng.choice(("FY2023", "2024_Q3", "MSFT", canary, 5, None))}
    figures = {name: _value(rng, canary) for name in rng.sample(sorted(KNOWN), 4)}
    return rng.choice(({**named, **figures}, named, _value(rng, canary), [named]))


def _text(rng: random.Random, canary: str) -> str:
    size = rng.choice((50, 300, 300, 2_000, 2_000, 12_000, 60_000))
    soup = "".join(rng.choice(PIECES) for _ in range(40))
    return rng.choice((rng.choice(HOSTILE), filled(rng.choice(PIECES), size), filled(soup, size), canary))


def answers(body: Line) -> list[Line]:
    """Return the model's output: deterministic for a prompt, and mostly not in the requested format."""
    prompt = body["messages"][-1]["content"]
    rng = random.Random(hashlib.sha256(prompt.encode()).digest())
    ids = re.findall(r"^\[\[([^\]]+)\]\]", prompt, re.MULTILINE) or ["totalRevenue"]
    figures = " ".join(f"The {name} is [[{name}]] or {_number(rng)!r}." for name in rng.choices(ids, k=6))
    cited = rng.choices(ids, k=4)
    rows = [{"text": f"It shows [[{name}]] here.", "facts": [name], "starts": "bullet"} for name in cited]
    whole = json.dumps({"sentences": rows})
    costly = filled(rng.choice(PIECES), rng.choice((500, 7_000, 30_000)))
    return says(rng.choice((figures, figures, whole, whole, whole[: rng.randrange(len(whole))], costly, prompt)))


@dataclass(slots=True)
class Health:
    """Response times of /health while reports were written, in seconds, and the count of failures."""

    times: list[float] = field(default_factory=list)
    failed: int = 0

    def at(self, share: float) -> float:
        """Return the time at a quantile."""
        return sorted(self.times)[min(len(self.times) - 1, int(share * len(self.times)))] if self.times else 0.0


async def watch(stage: Stage, health: Health) -> None:
    """Request /health every 20 ms on one kept connection, until cancelled."""
    loop = asyncio.get_running_loop()
    reader, writer = await connect(stage, Way.PLAIN, "127.0.0.1")
    try:
        while True:
            began = loop.time()
            writer.write(request("GET", "/health"))
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            health.times.append(loop.time() - began)
            health.failed += not head.startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.02)
    finally:
        with contextlib.suppress(OSError):
            writer.transport.abort()

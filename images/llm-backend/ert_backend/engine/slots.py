"""Slot selection: the number of parallel requests, based on a measurement at boot.

The engine's slots use memory in any case; whether they increase the throughput depends on model and card (a mixture of
experts can be slower with two). It is measured for 1, 2 and 4 requests; each step is taken only if it is a quarter
faster than the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ert_backend.base.clock import boot_seconds
from ert_backend.engine.protocol import LlmEngine

STEPS = (1, 2, 4)
GAIN = 1.25
TOKENS = 48


async def measured(engine: LlmEngine, model: str, most: int) -> dict[int, float]:
    """Return the total tokens per second by the number of requests, up to `most`; raise EngineError when one fails."""
    rates = {}
    for step in STEPS:
        if step <= most:
            began = boot_seconds()
            done = await asyncio.gather(*(engine.measure(model, TOKENS) for _ in range(step)))
            took = boot_seconds() - began
            rates[step] = sum(usage.completion_tokens for usage in done) / took if took > 0 else 0.0
    return rates


def chosen(rates: Mapping[int, float], most: int) -> int:
    """Return the last step with GAIN times the rate of the one before; `most` if every step has it.

    Without a measurement all slots are used.
    """
    if not rates:
        return most
    best = 1
    for step in sorted(rates):
        if step == best:
            continue
        if rates[step] < GAIN * rates.get(best, 0.0):
            break
        best = step
    return most if best == max(rates) else best

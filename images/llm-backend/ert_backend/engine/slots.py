"""How many answers are worth writing at the same time: measured at boot, chosen by rule.

Slots that the engine was given cost memory in any case; whether they pay depends on model and card (a mixture of
experts can lose at two). Measured are tokens per second over all answers at 1, 2 and 4; the next step is taken only
where it brings a quarter more.
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
    """Tokens per second over all answers by the number of answers, up to `most`; EngineError when one fails."""
    rates = {}
    for step in STEPS:
        if step <= most:
            began = boot_seconds()
            done = await asyncio.gather(*(engine.measure(model, TOKENS) for _ in range(step)))
            took = boot_seconds() - began
            rates[step] = sum(usage.completion_tokens for usage in done) / took if took > 0 else 0.0
    return rates


def chosen(rates: Mapping[int, float], most: int) -> int:
    """The last step that brought GAIN times the tokens of the one before; all of `most` where every step did.

    Where nothing was measured nothing speaks against any of them.
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

"""Whether the engine still writes: what it was asked and has not answered, and when a token last came.

An engine that hangs may answer every other question. Who waits for it cannot tell that from a long queue; here all
that was asked is seen together, and one token of any answer is a sign of life. The guard decides what to do about it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ert_backend.base.activity import BEAT, Ledger
from ert_backend.base.clock import boot_seconds
from ert_backend.engine.bring_up import BringUp, Phase
from ert_backend.engine.protocol import EngineError, LlmEngine, Loaded, Model, Piece, PullProgress, Usage

# Real seconds without a token after which one is asked for, so that it is not a report that finds out.
QUIET = 600.0
# Real seconds that a model may take to come from a slow disk, besides the patience of the guard.
LOADING = 300.0


@dataclass(slots=True)
class Pulse:
    """Times in boot seconds. `asked` counts the answers that are owed, `since` is when the first of them began."""

    asked: int = 0
    since: float = 0.0
    heard: float | None = None

    @contextlib.contextmanager
    def waiting(self, allowed: float = 0.0) -> Iterator[None]:
        """An answer is owed as long as the block runs, after `allowed` seconds in which none is expected."""
        if not self.asked:
            self.since = boot_seconds() + allowed
        self.asked += 1
        try:
            yield
        finally:
            self.asked -= 1

    def token(self) -> None:
        """Something was written."""
        self.heard = boot_seconds()

    def owes(self, state: BringUp) -> float | None:
        """Since when the engine owes a sign of life; None when it owes none."""
        if self.asked:
            return max(self.since, self.heard or 0.0)
        return state.entered if state.phase is Phase.STARTING else None


class Watched:
    """An engine that is an `LlmEngine` as well, and whose every token `pulse` hears of."""

    def __init__(self, engine: LlmEngine, pulse: Pulse) -> None:
        self.engine, self.pulse = engine, pulse
        self.name, self.title = engine.name, engine.title

    def abilities(self, model: str) -> frozenset[str]:
        """As the engine has them."""
        return self.engine.abilities(model)

    async def version(self) -> str:
        """As the engine does it."""
        return await self.engine.version()

    async def models(self) -> Sequence[Model]:
        """As the engine does it."""
        return await self.engine.models()

    async def loaded(self) -> Sequence[Loaded]:
        """As the engine does it."""
        return await self.engine.loaded()

    def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """As the engine does it."""
        return self.engine.pull(model)

    async def load(self, model: str) -> None:
        """As the engine does it; a load is silent until it is done."""
        with self.pulse.waiting(LOADING):
            await self.engine.load(model)
        self.pulse.token()

    async def chat(self, *given: Any, **named: Any) -> AsyncGenerator[Piece, None]:
        """As the engine does it; each piece is a sign of life."""
        with self.pulse.waiting():
            async with contextlib.aclosing(self.engine.chat(*given, **named)) as pieces:
                async for piece in pieces:
                    self.pulse.token()
                    yield piece

    async def measure(self, *given: Any, **named: Any) -> Usage:
        """As the engine does it."""
        with self.pulse.waiting():
            usage = await self.engine.measure(*given, **named)
        self.pulse.token()
        return usage


async def keep_telling(state: BringUp, engine: LlmEngine, pulse: Pulse, ledger: Ledger) -> None:
    """Never returns: tell the guard how this process and the engine are doing, and ask for a token now and then."""
    asking: asyncio.Task[None] | None = None
    try:
        while True:
            ledger.beat(pulse.owes(state), pulse.heard)
            if _quiet(state, pulse) and (asking is None or asking.done()):
                asking = asyncio.create_task(_one_token(state, engine))
            await asyncio.sleep(BEAT)
    finally:
        if asking is not None:
            asking.cancel()


def _quiet(state: BringUp, pulse: Pulse) -> bool:
    last = max(pulse.heard or 0.0, state.entered)
    return state.ready and not pulse.asked and boot_seconds() - last > QUIET


async def _one_token(state: BringUp, engine: LlmEngine) -> None:
    with contextlib.suppress(EngineError):
        await engine.measure(state.wanted, 1)

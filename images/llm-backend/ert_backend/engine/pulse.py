"""Engine liveness: tracks the open requests and the time of the last token.

An engine that hangs may still respond to every other endpoint. A single caller cannot distinguish that from a long
queue; here all requests are tracked together, and one token of any of them is a sign of life. The guard acts on it.
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

# Real seconds without a token before a probe, so that a hang is not first discovered by a report.
QUIET = 600.0
# Real seconds that a model may take to load from a slow disk, in addition to the guard's timeout.
LOADING = 300.0


@dataclass(slots=True)
class Pulse:
    """Times in boot seconds. `asked` is the number of open requests, `since` the start of the first."""

    asked: int = 0
    since: float = 0.0
    heard: float | None = None

    @contextlib.contextmanager
    def waiting(self, allowed: float = 0.0) -> Iterator[None]:
        """Count a request as open during the block; no token is expected in the first `allowed` seconds."""
        if not self.asked:
            self.since = boot_seconds() + allowed
        self.asked += 1
        try:
            yield
        finally:
            self.asked -= 1

    def token(self) -> None:
        """Record a token."""
        self.heard = boot_seconds()

    def owes(self, state: BringUp) -> float | None:
        """Return the time since which a token is expected; None when none is."""
        if self.asked:
            return max(self.since, self.heard or 0.0)
        return state.entered if state.phase is Phase.STARTING else None


class Watched:
    """An `LlmEngine` wrapper that records every token in `pulse`."""

    def __init__(self, engine: LlmEngine, pulse: Pulse) -> None:
        self.engine, self.pulse = engine, pulse
        self.name, self.title = engine.name, engine.title

    def abilities(self, model: str) -> frozenset[str]:
        """Delegate to the engine."""
        return self.engine.abilities(model)

    async def version(self) -> str:
        """Delegate to the engine."""
        return await self.engine.version()

    async def models(self) -> Sequence[Model]:
        """Delegate to the engine."""
        return await self.engine.models()

    async def loaded(self) -> Sequence[Loaded]:
        """Delegate to the engine."""
        return await self.engine.loaded()

    def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Delegate to the engine."""
        return self.engine.pull(model)

    async def load(self, model: str) -> None:
        """Delegate to the engine; a load is silent until it is done."""
        with self.pulse.waiting(LOADING):
            await self.engine.load(model)
        self.pulse.token()

    async def chat(self, *given: Any, **named: Any) -> AsyncGenerator[Piece, None]:
        """Delegate to the engine; each `Piece` is a sign of life."""
        with self.pulse.waiting():
            async with contextlib.aclosing(self.engine.chat(*given, **named)) as pieces:
                async for piece in pieces:
                    self.pulse.token()
                    yield piece

    async def measure(self, *given: Any, **named: Any) -> Usage:
        """Delegate to the engine."""
        with self.pulse.waiting():
            usage = await self.engine.measure(*given, **named)
        self.pulse.token()
        return usage


async def keep_telling(state: BringUp, engine: LlmEngine, pulse: Pulse, ledger: Ledger) -> None:
    """Send heartbeats with the state of the engine to the guard, and probe a quiet engine; never returns."""
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

"""Model scheduler: loads the model and limits concurrent requests, as Ollama does with one model in memory.

As in Ollama, the queue limit only applies to requests for which the model has to be loaded; once it is loaded, callers
wait for one of the `parallel` slots without a limit. A change of `num_ctx` reloads the model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ert_deploy.sandbox.ollama.engine import Engine, Session
from ert_deploy.sandbox.ollama.wire import FOREVER, Json, Model, Refusal, option, timestamp

BUSY = "server busy, please try again.  maximum pending requests exceeded"
_CENTURY = 100 * 365 * 86400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`context` in tokens, `keep_alive` in seconds; the others count requests."""

    context: int = 4096
    keep_alive: float = 300.0
    parallel: int = 1
    max_queue: int = 512


@dataclass(slots=True)
class Loaded:
    """The loaded model; `expires_at` is a Unix timestamp."""

    model: Model
    num_ctx: int
    session: Session
    keep_alive: float
    expires_at: float


class Runner:
    """Loads and unloads models and assigns slots. Bound to one event loop."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self.limits = limits
        self._engine = engine
        self._loaded: Loaded | None = None
        self._active = 0
        self._pending = 0
        self._changed = asyncio.Condition()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def session(self, model: Model, options: dict[str, Any], keep: float) -> AsyncIterator[Session]:
        """Load `model` and hold a slot during the block. Raises `Refusal` 503 if too many requests wait for a load."""
        num_ctx = option(options, "num_ctx", int, self.limits.context)
        loaded = await self._enter(model, num_ctx, keep)
        try:
            yield loaded.session
        finally:
            await asyncio.shield(self._leave())

    async def _enter(self, model: Model, num_ctx: int, keep: float) -> Loaded:
        if not self._fits(model, num_ctx) and self._pending >= self.limits.max_queue:
            raise Refusal(503, BUSY)
        self._pending += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self._free(model, num_ctx))
                if not self._fits(model, num_ctx):
                    self._drop()
                    session = await self._engine.load(model, num_ctx, self.limits.parallel)
                    self._loaded = Loaded(model, num_ctx, session, keep, 0.0)
                return self._lend(keep)
        finally:
            self._pending -= 1

    def _fits(self, model: Model, num_ctx: int) -> bool:
        here = self._loaded
        return here is not None and here.model.digest == model.digest and here.num_ctx == num_ctx

    def _free(self, model: Model, num_ctx: int) -> bool:
        return self._active == 0 or (self._fits(model, num_ctx) and self._active < self.limits.parallel)

    def _lend(self, keep: float) -> Loaded:
        assert self._loaded is not None
        self._active += 1
        self._loaded.keep_alive = keep
        self._loaded.expires_at = time.time() + min(keep, _CENTURY)
        if self._timer:
            self._timer.cancel()
        return self._loaded

    async def _leave(self) -> None:
        async with self._changed:
            self._active -= 1
            if self._active == 0 and self._loaded is not None:
                self._expire_later(self._loaded)
            self._changed.notify_all()

    def _expire_later(self, loaded: Loaded) -> None:
        loaded.expires_at = time.time() + min(loaded.keep_alive, _CENTURY)
        if loaded.keep_alive == 0:
            self._drop()
        elif loaded.keep_alive != FOREVER:
            self._timer = asyncio.get_running_loop().call_later(loaded.keep_alive, self._expired)

    def _expired(self) -> None:
        if self._active == 0:
            self._drop()

    def _drop(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._loaded is not None:
            self._loaded.session.close()
            self._loaded = None

    def unload(self, model: Model) -> None:
        """Unload the model, at once or after the current generation."""
        if self._loaded is None or self._loaded.model.digest != model.digest:
            return
        self._loaded.keep_alive = 0.0
        if self._active == 0:
            self._drop()

    def processes(self) -> list[Json]:
        """Return the entries of `/api/ps`."""
        here = self._loaded
        if here is None:
            return []
        row = {
            "name": here.model.name,
            "model": here.model.name,
            "size": here.session.size,
            "digest": here.model.digest,
            "details": here.model.details,
            "expires_at": timestamp(here.expires_at),
            "size_vram": here.session.size_vram,
            "context_length": here.session.context_length,
        }
        return [row]

"""Repeats: what a broken engine left unfinished is requested again once the engine has its model in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ert_backend.engine.bring_up import BringUp, same_tag
from ert_backend.engine.protocol import EngineDown, EngineError, LlmEngine

_log = logging.getLogger("ert_backend.engine")
_T = TypeVar("_T")
# Of one report: an engine that breaks more often fails it, so that it can be written elsewhere.
MOST = 2
# Real seconds for the guard to restart the engine, and for the model to be loaded.
LONGEST = 300.0
LOOK = 0.5


class Repeats:
    """The repeats of one report. `left` is how many there may still be."""

    def __init__(self, state: BringUp, engine: LlmEngine) -> None:
        self.left = MOST
        self._state, self._engine = state, engine

    async def of(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Return the result of an attempt, repeated while the engine breaks; raise EngineDown after the last repeat.

        It is also raised when the engine is not back in time, or fails its smoke test.
        """
        while True:
            try:
                return await attempt()
            except EngineDown as error:
                if not self.left or not await self._is_back():
                    raise
                self.left -= 1
                _log.warning("%s; the engine is back, and the section is written again", error)

    async def _is_back(self) -> bool:
        try:
            async with asyncio.timeout(LONGEST):
                while not await self._has_model():
                    if self._state.sick:
                        return False
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            return False
        return True

    async def _has_model(self) -> bool:
        """Ask the engine itself: the state is as old as its last look."""
        if not self._state.ready:
            return False
        try:
            return any(same_tag(row.name, self._state.wanted) for row in await self._engine.loaded())
        except EngineError:
            return False

"""Who uses the engine when: so many answers at a time, reports before chats, and how long a token may take.

The engine's own queue knows no classes: thirty chats that were sent on would all be answered before the next section of
a report. So nothing is sent on before there is a place. A report keeps its place from the first section to the last,
between the calls too: the beginning that its sections share stays in the engine's cache. What waits may be cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from ert_backend.engine.protocol import EngineDown, EngineError, Piece

Queue = deque[asyncio.Future[None]]


class EngineBusy(EngineError):
    """No place became free in time."""


class Turns:
    """`slots` answers at a time. `taken`: places in use, `waiting`: how many reports and chats have none yet."""

    def __init__(self, slots: int) -> None:
        self.slots, self.taken = slots, 0
        self._reports: Queue = deque()
        self._chats: Queue = deque()

    @property
    def waiting(self) -> tuple[int, int]:
        """Reports, chats."""
        return len(self._reports), len(self._chats)

    @contextlib.asynccontextmanager
    async def report(self) -> AsyncIterator[None]:
        """A place for a report, before all chats that wait."""
        await self._enter(self._reports)
        try:
            yield
        finally:
            self._leave()

    @contextlib.asynccontextmanager
    async def chat(self, seconds: float) -> AsyncIterator[None]:
        """A place for a chat; EngineBusy when there is none within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._enter(self._chats)
        except TimeoutError:
            raise EngineBusy("the engine is busy with reports and other answers") from None
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, queue: Queue) -> None:
        ahead = self._reports if queue is self._reports else (*self._reports, *self._chats)
        if self.taken < self.slots and not ahead:
            self.taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._leave()  # it was called in the moment it gave up
            else:
                with contextlib.suppress(ValueError):
                    queue.remove(turn)
            raise

    def _leave(self) -> None:
        """Call the next one; the place is free where nobody waits."""
        for queue in (self._reports, self._chats):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self.taken -= 1


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that the first token of an answer may take (the prompt is read before it), and each one after it."""

    first: float
    between: float


async def timely(pieces: AsyncGenerator[Piece, None], patience: Patience) -> AsyncGenerator[Piece, None]:
    """The pieces as they come; EngineDown when one does not. Closing this closes the answer behind it."""
    seconds, what = patience.first, "first"
    async with contextlib.aclosing(pieces):
        while True:
            try:
                async with asyncio.timeout(seconds):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise EngineDown(f"the {what} token did not come within {seconds:.0f} s") from None
            yield piece
            seconds, what = patience.between, "next"

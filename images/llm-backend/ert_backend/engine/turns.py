"""Engine scheduler: limits parallel requests, gives reports priority over chat requests, and times out slow tokens.

The engine's own queue has no priorities: thirty chat requests in it would all be served before the next section of a
report. So a request is sent only when there is a slot. A report keeps its slot from the first section to the last, so
that the prefix of its prompts stays in the engine's cache. A queued request can be cancelled.
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
    """No slot became free in time."""


class Turns:
    """`slots` parallel requests. `taken` is the number of slots in use, `waiting` that of queued reports and chats."""

    def __init__(self, slots: int) -> None:
        self.slots, self.taken = slots, 0
        self._reports: Queue = deque()
        self._chats: Queue = deque()

    @property
    def waiting(self) -> tuple[int, int]:
        """Number of queued reports and of queued chats."""
        return len(self._reports), len(self._chats)

    @contextlib.asynccontextmanager
    async def report(self) -> AsyncIterator[None]:
        """Acquire a slot for a report, before all queued chat requests."""
        await self._enter(self._reports)
        try:
            yield
        finally:
            self._leave()

    @contextlib.asynccontextmanager
    async def chat(self, seconds: float) -> AsyncIterator[None]:
        """Acquire a slot for a chat request; raise EngineBusy when there is none within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._enter(self._chats)
        except TimeoutError:
            raise EngineBusy("the engine is busy with reports and other requests") from None
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
                self._leave()  # it got its turn while it was being cancelled
            else:
                with contextlib.suppress(ValueError):
                    queue.remove(turn)
            raise

    def _leave(self) -> None:
        """Pass the slot to the next request, or free it when there is none."""
        for queue in (self._reports, self._chats):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self.taken -= 1


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts in seconds: for the first token, which includes reading the prompt, and between tokens."""

    first: float
    between: float


async def timely(pieces: AsyncGenerator[Piece, None], patience: Patience) -> AsyncGenerator[Piece, None]:
    """Yield the pieces; raise EngineDown when one is late. Closing this closes `pieces`."""
    seconds, what = patience.first, "first"
    async with contextlib.aclosing(pieces):
        while True:
            try:
                async with asyncio.timeout(seconds):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise EngineDown(f"the {what} token did not arrive within {seconds:.0f} s") from None
            yield piece
            seconds, what = patience.between, "next"

"""Hold: the wait of one request until the backend is ready. It repeats the request to wake, as an app does."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any

from ert_deploy.agent.answer import UNAVAILABLE, Answer
from ert_deploy.agent.body import body
from ert_deploy.agent.gateway.bounds import Bounds
from ert_deploy.agent.gateway.client import STREAM, Client
from ert_deploy.agent.gateway.refusal import Refused
from ert_deploy.agent.keeper import Keeper
from ert_deploy.app.waking.look import Reached


class Hold:
    """A context manager: counts the request as held inside of it."""

    def __init__(self, keeper: Keeper, client: Client, bounds: Bounds, *, stream: bool) -> None:
        self._keeper, self._client, self._bounds, self._stream = keeper, client, bounds, stream
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        self._since = self._loop.time()
        self._limit = bounds.held_stream if stream else bounds.held_whole

    def __enter__(self) -> Hold:
        self._unwatch = self._keeper.watch(self._on_change)
        self._keeper.counts.gateway.held += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._unwatch()
        self._keeper.counts.gateway.held -= 1
        self._keeper.counts.gateway.held_seconds += self._loop.time() - self._since

    async def once(self, failed: Reached | None) -> None:
        """Request a wake, tell the client of a stream, and wait for a change; `failed` is what did not respond.

        Raises an error for the client if no wake may begin, or after the longest time that a request is held.
        """
        pause = min(self._bounds.comment, self._since + self._limit - self._loop.time())
        if pause <= 0:
            raise self._late()
        self._changed.clear()
        answer = await self._answer(pause)
        if answer is not None and answer.reason and answer.status != UNAVAILABLE:
            raise Refused(answer.status, answer.reason, answer.error, answer.after)
        if self._stream:
            await self._tell()
        if answer is not None and reached(self._keeper) in (None, failed):
            pause = min(pause, self._bounds.again) if failed is not None else pause
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):  # unlike `wait_for`, it loses no cancellation on Python 3.11
                    await self._changed.wait()

    async def _answer(self, pause: float) -> Answer | None:
        """Return the response to a wake; None if it takes longer, as all requests share the one that is made."""
        try:
            async with asyncio.timeout(pause):
                return await asyncio.shield(asyncio.wrap_future(self._keeper.ask()))
        except TimeoutError:
            return None

    async def _tell(self) -> None:
        if not self._client.begun:
            await self._client.begin(200, STREAM)
        await self._client.write(f": {' '.join(_said(body(self._keeper)))}\n\n".encode())

    def _late(self) -> Refused:
        found = body(self._keeper)
        left = (found["eta_seconds"] or {}).get("p50")
        after = min(self._bounds.retry_after, max(1, left)) if left is not None else self._bounds.retry_after
        why = f" ({found['reason']})" if found["reason"] else ""
        text = f"{self._keeper.name} is not ready after {self._limit:g} s: {' '.join(_said(found))}{why}"
        return Refused(UNAVAILABLE, "waking", text, after)

    def _on_change(self) -> None:
        with contextlib.suppress(RuntimeError):  # the agent ends
            self._loop.call_soon_threadsafe(self._changed.set)


def reached(keeper: Keeper) -> Reached | None:
    """Return how to reach the backend by the last look that read everything; None if it was not ready then."""
    return keeper.view.reached


def _said(found: dict[str, Any]) -> list[str]:
    """Return phase, stage and time left in words."""
    left = (found["eta_seconds"] or {}).get("p50")
    return [found["phase"], *filter(None, [found["stage"]]), *([f"{left} s left"] if left else [])]

"""Admission of chat requests: limits in total and per key, on concurrent requests and on tokens per minute.

Reports have priority (`engine.turns`): a chat request waits a bounded time for its turn before it is sent to the
engine.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import replace

from fastapi import HTTPException

from ert_backend.api.responses import RETRY_DRAINING, RETRY_LOADING
from ert_backend.base.clock import boot_seconds
from ert_backend.base.token_bucket import Buckets
from ert_backend.engine.protocol import Message, Piece, Sampling
from ert_backend.engine.turns import Patience, timely
from ert_backend.service import Service

TOLD_EVERY = 1.0
RETRY_FULL = 5
# Estimates the size of a prompt when the stream was interrupted before the engine reported its usage.
CHARS_PER_TOKEN = 4


class Admission:
    """Counts the active requests, in total and by key, and the tokens that each key has used in the last minute."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self.service, self.told_at = service, 0.0
        self.open: Counter[str] = Counter()
        self.budget = Buckets(settings.chat_key_tokens / 60, settings.chat_key_tokens)
        self.patience = Patience(settings.first_token, settings.next_token)

    @contextlib.contextmanager
    def place(self, key: str) -> Iterator[None]:
        """Reserve a place for one request; raise HTTPException when there is none."""
        self._refuse(key)
        self.open[key] += 1
        try:
            yield
        finally:
            self.open[key] -= 1
            self.open += Counter()  # drops the keys without requests
            self.service.ledger.end()

    def _refuse(self, key: str) -> None:
        settings = self.service.settings
        if not settings.chat_limit:
            raise HTTPException(404, "Not Found")
        if not self.service.state.ready:
            raise HTTPException(503, "The model is not ready yet", {"Retry-After": str(RETRY_LOADING)})
        if self.open.total() >= settings.chat_limit or self.open[key] >= settings.chat_key_limit:
            raise HTTPException(429, "Too many requests in progress", {"Retry-After": str(RETRY_FULL)})
        if wait := self.budget.wait(key, boot_seconds()):
            raise HTTPException(429, "Too many tokens within a minute", {"Retry-After": str(wait)})
        if self.service.jobs.draining or not self.service.ledger.begin():
            raise HTTPException(503, "This machine is about to stop", {"Retry-After": str(RETRY_DRAINING)})

    async def pieces(
        self, key: str, messages: Sequence[Message], seed: int, form: Mapping[str, object] | None, sampling: Sampling
    ) -> AsyncGenerator[Piece, None]:
        """Yield the engine's output on this request's turn, and charge its key for it however it ends.

        Raise EngineError as the engine does.
        """
        service, most = self.service, self.service.settings.chat_tokens
        sampling = replace(sampling, limit=min(sampling.limit or most, most))
        async with service.turns.chat(service.settings.chat_wait):
            used = sum(len(message.content) for message in messages) // CHARS_PER_TOKEN
            answer = service.engine.chat(service.state.model, messages, seed, form, sampling)
            try:
                async with contextlib.aclosing(timely(answer, self.patience)) as stream:
                    async for piece in stream:
                        used += 1
                        if piece.usage is not None:
                            used = piece.usage.prompt_tokens + piece.usage.completion_tokens
                        self._progress()
                        yield piece
            finally:
                self.budget.spend(key, used, boot_seconds())

    def _progress(self) -> None:
        """Report progress to the guard, at most once per TOLD_EVERY seconds."""
        if (now := boot_seconds()) - self.told_at >= TOLD_EVERY:
            self.told_at = now
            self.service.ledger.progress()

"""Draft stream: collects one output of the model for the writer, counts its tokens, and stops it at the limit."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable

from ert_backend.base.clock import boot_seconds
from ert_backend.engine.protocol import EngineDown, EngineError, Piece
from ert_backend.reports.steps import Answer, Ask, Draft, Failure

BLANKS = 200
Chat = Callable[[Ask], AsyncGenerator[Piece, None]]


async def draft(chat: Chat, ask: Ask, count: Callable[[int], None]) -> Answer:
    """Return the model's output, or a Failure with the engine's message; raise EngineDown when the engine is gone."""
    try:
        return await _streamed(chat, ask, count)
    except EngineDown:
        raise
    except EngineError as error:
        return Failure(str(error))


async def _streamed(chat: Chat, ask: Ask, count: Callable[[int], None]) -> Draft:
    """Collect one output. Closing the stream, at the length limit or after too many blanks, also stops the engine.

    With a schema a thinking model runs two passes and the engine reports the usage of the second only, so the thinking
    is counted here.
    """
    started, pieces, thought, text = boot_seconds(), 0, 0, ""
    async with contextlib.aclosing(chat(ask)) as stream:
        async for piece in stream:
            if piece.usage is not None:
                usage = piece.usage
                done = usage.reason != "length"
                return Draft(text, done, usage.prompt_tokens, usage.completion_tokens, thought, usage.decode_seconds)
            pieces, thought = pieces + 1, thought + bool(piece.thinking)
            text = (text + piece.content)[: ask.max_chars + 1]
            count(pieces)
            if len(text) > ask.max_chars or (len(text) > BLANKS and not text[-BLANKS:].strip()):
                break
    return Draft(text, False, 0, pieces - thought, thought, boot_seconds() - started)

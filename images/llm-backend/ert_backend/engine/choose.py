"""Engine factory: opens the engine that the settings select. No other module knows all implementations."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from ert_backend.engine.ollama import Ollama, session
from ert_backend.engine.openai_server import OpenAIServer
from ert_backend.engine.protocol import LlmEngine
from ert_backend.settings import OPENAI, Settings


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[LlmEngine]:
    """Open a session and yield its engine; raises nothing, whether the engine is reachable or not."""
    async with session(settings.engine_url) as client:
        if settings.engine == OPENAI:
            yield OpenAIServer(client, settings.num_predict, settings.temperature)
        else:
            yield Ollama(client, settings.context, settings.num_predict, settings.think, settings.temperature)

"""Set-up of the backend tests: a scripted Ollama, and the real app in front of it with the model loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.backend.rig import Backend, running
from tests.support.doubles.scripted_ollama import ScriptedOllama


@pytest.fixture
def ollama() -> Iterator[ScriptedOllama]:
    with ScriptedOllama() as script:
        yield script


@pytest.fixture
def backend(tmp_path: Path, ollama: ScriptedOllama) -> Iterator[Backend]:
    with running(tmp_path, ollama.host) as app:
        app.wait_ready()
        yield app


@pytest.fixture
def client(backend: Backend) -> Iterator[httpx.Client]:
    with backend.client() as session:
        yield session

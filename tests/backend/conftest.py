"""Set-up of the backend tests: a scripted Ollama, and the real app in front of it with the model loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.support.backend.rig import Backend, running
from tests.support.backend.writers import Writers
from tests.support.doubles.scripted_ollama import ScriptedOllama


@pytest.fixture
def ollama() -> Iterator[ScriptedOllama]:
    with ScriptedOllama() as script:
        yield script


@pytest.fixture(scope="session")
def writers() -> Iterator[Writers]:
    """Run the fork server of the processes that write reports."""
    with Writers() as server:
        yield server


@pytest.fixture
def writer_command(writers: Writers) -> Sequence[str]:
    """Return the command of the process that writes reports: a fork, because an interpreter takes 0.3 s of CPU."""
    return writers.command


@pytest.fixture
def backend(tmp_path: Path, ollama: ScriptedOllama, writer_command: Sequence[str]) -> Iterator[Backend]:
    with running(tmp_path, ollama.host, writer=writer_command) as app:
        app.wait_ready()
        yield app


@pytest.fixture
def client(backend: Backend) -> Iterator[httpx.Client]:
    with backend.client() as session:
        yield session

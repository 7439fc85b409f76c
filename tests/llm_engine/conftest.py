"""The small real model, and each server under test, started once per session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.sandbox.ollama.weights import ModelFile, default_cache, ensure_model
from tests.support.llm_engine.servers import Machine, llama_server, machine, ollama_double


@pytest.fixture(scope="session")
def model() -> ModelFile:
    """A real model, because a random one cannot show differences between engines."""
    found = ensure_model(default_cache())
    assert not found.is_toy, "the small real model could not be had"
    return found


@pytest.fixture(scope="session")
def llama(model: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with llama_server(model, tmp_path_factory.mktemp("llama")) as url:
        yield url


@pytest.fixture(scope="session")
def double(model: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ollama_double(model, tmp_path_factory.mktemp("ollama")) as url:
        yield url


@pytest.fixture(scope="session")
def whole(model: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder: Path = tmp_path_factory.mktemp("machine")
    with machine(model, folder) as running:
        yield running

"""The image, built once and run: `make image-test`. Skipped with a reason if no Docker engine can be started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.image import local_images
from tests.support.image.docker_engine import Engine, NoEngine, engine

TAG = "ert-test/llm-backend:1"


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Engine]:
    try:
        with engine() as found:
            yield found
    except NoEngine as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def build_arguments(docker_engine: Engine) -> list[str]:
    """Return the build arguments that differ from the release: `NAME=image` for the two base images, made once.

    An image that is imported again gets another id, and then no build step that follows it is cached.
    """
    bases = {"BASE": local_images.base(docker_engine), "OLLAMA_IMAGE": local_images.ollama(docker_engine)}
    return [f"{name}={value}" for name, value in bases.items()]


@pytest.fixture(scope="session")
def image(docker_engine: Engine, build_arguments: list[str]) -> str:
    """Return the tag of the image, built from the released Dockerfile; only its build arguments differ."""
    local_images.build(docker_engine, TAG, build_arguments)
    return TAG

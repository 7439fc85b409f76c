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
def image(docker_engine: Engine) -> str:
    """Return the tag of the image, built from the released Dockerfile; only its build arguments differ."""
    arguments = {"BASE": local_images.base(docker_engine), "OLLAMA_IMAGE": local_images.ollama(docker_engine)}
    given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    folder = str(local_images.ROOT / "images" / "llm-backend")
    docker_engine.run("build", "-t", TAG, *given, folder, seconds=900)
    return TAG

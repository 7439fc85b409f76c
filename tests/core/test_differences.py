"""Differences between a running container and the config, by the key that causes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.boot.container import read as read_container
from ert_deploy.core.model.desired import Guard, Launch
from ert_deploy.core.model.model_server import ExtraVariable
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.planning.changes.fitness import changed_keys
from tests.support.situations import UP, instance

LAUNCH = UP.launch


def running(launch: Launch) -> Instance:
    """Return an instance that was created with this container."""
    env = replace(UP, launch=launch).container_env("t", "h", "secret-canary")
    return instance(7, spec=launch.spec(), container=read_container(launch.image, launch.disk_gb, False, env))


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (LAUNCH, ""),
        (replace(LAUNCH, image="ghcr.io/me/b:0"), "launch.image changed"),
        (replace(LAUNCH, guard=Guard(60, 2700, 43200)), "launch.guard.idle_stop changed"),
        (replace(LAUNCH, env=(ExtraVariable("OLLAMA_DEBUG", "1"),)), "launch.env changed"),
        (replace(LAUNCH, image="ghcr.io/me/b:0", context=8192), "launch.image, launch.context changed"),
    ],
)
def test_the_keys_that_make_the_difference_are_named(before: Launch, said: str) -> None:
    assert changed_keys(LAUNCH, running(before)) == said


def test_without_the_container_nothing_is_guessed() -> None:
    assert changed_keys(LAUNCH, instance(7, spec="other")) == ""

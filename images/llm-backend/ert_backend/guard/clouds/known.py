"""The clouds that a machine of this image may run at, by their name in ERT_CLOUD."""

from __future__ import annotations

from ert_backend.guard.clouds.cloud import Cloud
from ert_backend.guard.clouds.vast import Vast

CLOUDS: tuple[Cloud, ...] = (Vast(),)
DEFAULT = CLOUDS[0]
# Variables with the key of a machine: no process but the guard gets them.
KEYS = frozenset(cloud.key_variable for cloud in CLOUDS)


def named(name: str) -> Cloud | None:
    """Return the cloud with that name, the default one for an empty name, or None if there is none."""
    return next((cloud for cloud in CLOUDS if cloud.name == (name or DEFAULT.name)), None)

"""Container of an instance as its provider lists it: what it was created with, as far as a config decides that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Variables of a create call that a config decides and that hold no secret.
DECIDED = frozenset({
    "ERT_MODEL", "OLLAMA_CONTEXT_LENGTH", "ERT_IDLE_STOP", "ERT_BOOT_DEADLINE", "ERT_MAX_LIFETIME", "ERT_ENGINE",
    "ERT_ENGINE_CMD", "ERT_MODEL_DIGEST", "ERT_TEMPERATURE", "OLLAMA_NUM_PARALLEL", "OLLAMA_KV_CACHE_TYPE",
    "ERT_BUDGET_SECONDS",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Container:
    """Image, disk in GB, whether a shell is enabled, and the variables of `DECIDED`. None or empty: not known."""

    image: str = ""
    disk_gb: float | None = None
    shell: bool | None = None
    env: tuple[tuple[str, str], ...] = ()

    def seconds(self, name: str) -> int | None:
        """Return a variable as a number of seconds; None if it is absent or anything else."""
        value = dict(self.env).get(name, "")
        return int(value) if value.isascii() and value.isdecimal() else None


UNREAD = Container()


def read(image: str, disk_gb: float | None, shell: bool | None, env: Mapping[str, str]) -> Container:
    """Return the container with these properties, without the variables that are none of the config's."""
    return Container(image, disk_gb, shell, tuple(sorted((n, v) for n, v in env.items() if n in DECIDED)))

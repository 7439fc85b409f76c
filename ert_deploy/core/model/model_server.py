"""Settings of the model server inside the container, as variables of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ExtraVariable:
    """Variable that a config adds to the container. Only its name is ever shown.

    `source` is the environment variable on the operator's machine that holds a secret `value`, which is empty until it
    is read; without it the value is in the config.
    """

    name: str
    value: str = field(repr=False)
    source: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def missing(self) -> bool:
        """Whether its value is not there, so that no container can be created with it."""
        return bool(self.source) and not self.value

    @property
    def configured(self) -> str:
        """What the config has of it: the value, or where a secret comes from, which reveals nothing of it."""
        return f"from {self.source}" if self.source else self.value


@dataclass(frozen=True, slots=True)
class ModelServer:
    """Model server inside the container, where it differs from the default of the image; None means the default.

    `command` starts a server other than Ollama; `digest` is the required SHA-256 of the model's manifest; `parallel` is
    the number of responses generated at the same time, `kv_type` the data type of the KV cache.
    """

    kind: str = "ollama"
    command: str | None = None
    digest: str | None = None
    temperature: float | None = None
    parallel: int = 1
    kv_type: str = "f16"

    def env(self) -> Mapping[str, str]:
        """Return the environment variables for the container; empty if all settings are the defaults."""
        given = {
            "ERT_ENGINE": self.kind if self.kind != "ollama" else None,
            "ERT_ENGINE_CMD": self.command,
            "ERT_MODEL_DIGEST": self.digest,
            "ERT_TEMPERATURE": None if self.temperature is None else f"{self.temperature:g}",
            "OLLAMA_NUM_PARALLEL": str(self.parallel) if self.parallel != 1 else None,
            "OLLAMA_KV_CACHE_TYPE": self.kv_type if self.kv_type != "f16" else None,
        }
        return {name: value for name, value in given.items() if value is not None}

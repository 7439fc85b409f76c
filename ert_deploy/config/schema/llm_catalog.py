"""Model catalog: language models with a known download size, so that a typo fails here and not on a rented GPU.

Sizes are the sum of the layers in the registry's manifest, in GB of 10^9 bytes; they match public `/api/tags`
responses. `kv_kib` is the memory for one token of context with a 16-bit cache, from the model's layers and heads.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.config.yaml.problems import nearest


@dataclass(frozen=True, slots=True)
class Model:
    """A model of Ollama's library. `context` is the maximum context of its training, in tokens."""

    tag: str
    gb: float
    context: int
    kv_kib: float
    sandbox_only: bool = False


KNOWN = (
    Model("gpt-oss:20b", 13.8, 131072, 24),
    Model("llama3.1:8b", 4.93, 131072, 128),
    Model("mistral:7b", 4.38, 32768, 128),
    Model("smollm2:135m", 0.28, 8192, 22.5),
    Model("toy:0.5m", 0.01, 131072, 1, sandbox_only=True),  # generated locally, not in a registry
)

# Servers of a model on the machine, and data types of Ollama's context cache (Ollama docs, faq).
ENGINES = ("ollama", "openai")
KV_TYPES = ("f16", "q8_0", "q4_0")
# Memory of the context cache by type, relative to 16 bits (llama.cpp: blocks of 32 values with one scale).
KV_SHARE = {"f16": 1.0, "q8_0": 34 / 64, "q4_0": 18 / 64}


def known(tag: str) -> Model | None:
    """Return the model with exactly that tag, or None."""
    return next((model for model in KNOWN if model.tag == tag), None)


def suggestion(tag: str) -> str:
    """Return a hint for a tag that is not in this table."""
    close = nearest(tag, (model.tag for model in KNOWN if not model.sandbox_only))
    return (
        f"{close} Otherwise give its download size as launch/model_gb"
        if close
        else (
            "give its download size as launch/model_gb, or use " + ", ".join(m.tag for m in KNOWN if not m.sandbox_only)
        )
    )

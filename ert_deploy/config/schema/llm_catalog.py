"""The language models whose download size is known, so that a wrong tag fails here and not on a rented GPU.

Sizes are what the registry's manifest adds up to, in GB of 10^9 bytes; they agree across public `/api/tags` answers.
`kv_kib` is the memory one token of context takes with a 16-bit cache, from the model's layers and heads.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.config.yaml.problems import nearest


@dataclass(frozen=True, slots=True)
class Model:
    """One tag of Ollama's library. `context` is the longest the model was trained for, in tokens."""

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
    Model("toy:0.5m", 0.01, 131072, 1, sandbox_only=True),  # made on the spot, in no registry
)

# What serves a model on the machine, and how Ollama may keep the context (its docs, faq).
ENGINES = ("ollama", "openai")
KV_TYPES = ("f16", "q8_0", "q4_0")
# Memory of the context by how it is kept, as a share of 16 bits (llama.cpp: blocks of 32 values with one scale).
KV_SHARE = {"f16": 1.0, "q8_0": 34 / 64, "q4_0": 18 / 64}


def known(tag: str) -> Model | None:
    """The model of exactly that tag."""
    return next((model for model in KNOWN if model.tag == tag), None)


def suggestion(tag: str) -> str:
    """What to write instead of a tag that is not in the table."""
    close = nearest(tag, (model.tag for model in KNOWN if not model.sandbox_only))
    return (
        f"{close} Otherwise give its download size as launch/model_gb"
        if close
        else (
            "give its download size as launch/model_gb, or use " + ", ".join(m.tag for m in KNOWN if not m.sandbox_only)
        )
    )

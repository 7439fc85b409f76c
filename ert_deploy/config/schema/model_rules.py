"""Model rules: constraints between the keys of the model and its server. Each returns an error and a hint, or None."""

from __future__ import annotations

from typing import Any

from ert_deploy.config.schema import llm_catalog

Verdict = tuple[str, str] | None


def model_gb(tag: str, given: float | None) -> float:
    """Return the size of the model in GB: that of the config, else that of the catalog."""
    known = llm_catalog.known(tag)
    return given if given is not None else known.gb if known else 0.0


def model_exists(tag: str, given: float | None, sandbox: bool) -> Verdict:
    """Check that the model is known or its size is given."""
    model = llm_catalog.known(tag)
    if model is None:
        return None if given is not None else (f"the model {tag} is not known", llm_catalog.suggestion(tag))
    if model.sandbox_only and not sandbox:
        return f"{tag} exists in the sandbox only", "such as gpt-oss:20b"
    return None


def model_size(given: float | None, tag: str) -> Verdict:
    """Check that the given size is not below the known one."""
    model = llm_catalog.known(tag)
    if model is None or given is None or given >= model.gb * 0.98:
        return None
    return f"{tag} is {model.gb:g} GB, not {given:g}", "leave launch/model_gb out"


def context_fits_model(context: int, tag: str) -> Verdict:
    """Check that the model was trained for a context of that length."""
    model = llm_catalog.known(tag)
    if model is None or context <= model.context:
        return None
    return f"{tag} reads at most {model.context} tokens", f"at most {model.context}"


def model_fits_gpu(ram_mb: int, tag: str, given: float | None, context: int, *kept: Any) -> Verdict:
    """Check that weights and contexts fit, without the engine's buffers: a model that fails here can never fit."""
    parallel, kv_type = kept
    model = llm_catalog.known(tag)
    share = llm_catalog.KV_SHARE[kv_type] * parallel
    cache = model.kv_kib * 1024 * context * share / 1e6 if model else 0.0
    needed = model_gb(tag, given) * 1000 + cache
    if needed <= ram_mb:
        return None
    return (
        f"{ram_mb} MB do not hold {tag} with its context ({needed:.0f} MB)",
        "a larger gpu_ram, a smaller context or less parallel",
    )


def command_and_engine(command: str | None, engine: str) -> Verdict:
    """Check that a command is given only for an engine other than Ollama, which needs one."""
    if engine == "openai" and command is None:
        return (
            "engine: openai needs the command that starts the server",
            "such as llama-server --model FILE --alias NAME",
        )
    if engine != "openai" and command is not None:
        return "a command is for engine: openai only", "remove it, or set engine: openai"
    return None


def digest_and_engine(digest: str | None, engine: str) -> Verdict:
    """Check that a digest is given only for Ollama, the only engine that reports one."""
    if digest is None or engine == "ollama":
        return None
    return "an OpenAI server does not report the digest of its model", "remove it; pin the file in engine_command"


def kv_type_and_engine(kv_type: str, engine: str) -> Verdict:
    """Check that a cache type is set only for Ollama."""
    if kv_type == "f16" or engine == "ollama":
        return None
    return "it is Ollama's setting", "remove it, and set it in engine_command"

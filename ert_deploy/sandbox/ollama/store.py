"""Model store: models on the disk of a machine, downloaded from a local "registry" directory.

Layout as in Ollama: `blobs/sha256-<hex>` and `manifests/library/<model>/<tag>`, with `-partial` next to an incomplete
blob. The registry is a directory with `<model>-<tag>.gguf` files. The digest of a model is that of its GGUF file.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Protocol

from ert_deploy.sandbox.ollama.gguf import read_header
from ert_deploy.sandbox.ollama.pull import Downloads, Layer, layers_of
from ert_deploy.sandbox.ollama.weights import sha256_of
from ert_deploy.sandbox.ollama.wire import Json, Model, Refusal, normalised, same_name


class Catalogue(Protocol):
    """The models of a server. Names are normalized before comparison."""

    def models(self) -> list[Model]:
        """Return the installed models."""

    def pull(self, name: str) -> AsyncGenerator[Json, None]:
        """Yield the progress of a download. Closing the iterator cancels it. Raises `Refusal` on failure."""

    def delete(self, name: str) -> bool:
        """Delete a model; return False if it does not exist."""


def find(catalogue: Catalogue, name: str) -> Model:
    """Return the installed model with this name. Raises `Refusal` 404, as Ollama does, if it does not exist."""
    for model in catalogue.models():
        if same_name(model.name, name):
            return model
    raise Refusal(404, f"model '{name}' not found")


def registry_models(folder: Path) -> dict[str, Path]:
    """Return the `<model>-<tag>.gguf` files of a registry directory by model name."""
    found = {}
    for path in sorted(folder.glob("*.gguf")):
        model, _, tag = path.stem.rpartition("-")
        found[f"{model}:{tag}".lower() if model else f"{tag}:latest".lower()] = path
    return found


class DiskStore:
    """The models on the disk of an instance. `rate` is in MB per second."""

    def __init__(self, folder: Path, registry: Path | None, rate: float = 100.0) -> None:
        self.folder, self.registry = folder, registry
        self._downloads = Downloads(folder / "blobs", rate)
        self._digests: dict[tuple[str, int, int], str] = {}
        self._seen: dict[tuple[Path, int], Model] = {}
        (folder / "blobs").mkdir(parents=True, exist_ok=True)

    def models(self) -> list[Model]:
        """Return the installed models, most recent first, without those whose blob is missing."""
        found = [self._installed(path) for path in (self.folder / "manifests" / "library").glob("*/*")]
        return sorted((m for m in found if m), key=lambda m: -m.modified_at)

    def delete(self, name: str) -> bool:
        """Delete the manifest and its blobs; return False if it does not exist."""
        path = self._manifest(name)
        if not path.is_file():
            return False
        manifest = json.loads(path.read_text())
        path.unlink()
        for layer in manifest["layers"]:
            self._downloads.blob(layer["digest"]).unlink(missing_ok=True)
        return True

    async def pull(self, name: str) -> AsyncGenerator[Json, None]:
        """Download the model and yield the progress. Raises `Refusal` if it is not in the registry or damaged."""
        name = normalised(name)
        yield {"status": "pulling manifest"}
        layers = await asyncio.to_thread(self._layers, name)
        for layer in layers:
            async with aclosing(self._downloads.pull(layer)) as lines:
                async for line in lines:
                    yield line
        yield {"status": "verifying sha256 digest"}
        for layer in layers:
            await asyncio.to_thread(self._verify, layer)
        yield {"status": "writing manifest"}
        await asyncio.to_thread(self._write_manifest, name, layers)
        yield {"status": "success"}

    def _layers(self, name: str) -> list[Layer]:
        found = registry_models(self.registry) if self.registry else {}
        path = found.get(name.lower())
        if path is None:
            raise Refusal(500, "pull model manifest: file does not exist")
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        if key not in self._digests:
            self._digests[key] = sha256_of(path)
        return layers_of(name, path, self._digests[key])

    def _verify(self, layer: Layer) -> None:
        blob = self._downloads.blob(layer.digest)
        if sha256_of(blob) != layer.digest:
            blob.unlink()
            raise Refusal(500, f"digest mismatch, file must be downloaded again: want sha256:{layer.digest}")

    def _manifest(self, name: str) -> Path:
        model, _, tag = normalised(name).lower().partition(":")
        return self.folder / "manifests" / "library" / model.replace("/", "+") / tag

    def _write_manifest(self, name: str, layers: list[Layer]) -> None:
        path = self._manifest(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.parent.parent / f".new-{path.parent.name}-{path.name}"
        manifest = {"name": name, "layers": [{"digest": la.digest, "size": la.size} for la in layers]}
        new.write_text(json.dumps(manifest))
        new.replace(path)

    def _installed(self, manifest: Path) -> Model | None:
        try:
            key = (manifest, manifest.stat().st_mtime_ns)
            if key not in self._seen:
                self._seen[key] = self._model(manifest)
            model = self._seen[key]
            return model if Path(model.path).exists() else None
        except (OSError, ValueError, KeyError):
            return None

    def _model(self, manifest: Path) -> Model:
        said: dict[str, Any] = json.loads(manifest.read_text())
        weights, config = said["layers"]
        blob = self._downloads.blob(weights["digest"])
        header = read_header(blob)
        details = json.loads(self._downloads.blob(config["digest"]).read_text())["details"]
        values = dict(header.values)
        template = str(values.pop("tokenizer.chat_template", ""))
        values.pop("general.name", None)
        values["general.parameter_count"] = header.parameters
        size = sum(int(layer["size"]) for layer in said["layers"])
        return Model(
            name=said["name"],
            digest=weights["digest"],
            size=size,
            modified_at=manifest.stat().st_mtime,
            details=details,
            info=values,
            template=template,
            license=str(values.get("general.license", "")),
            tensors=header.tensors,
            path=str(blob),
        )

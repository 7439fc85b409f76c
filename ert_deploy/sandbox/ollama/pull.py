"""Model download: copies the layers of a model from the registry directory to the instance's disk, at a given rate.

The bytes are on the same computer, so a download waits for the time that the rate implies, and then creates a hard link
(a copy across file systems). The progress is the size of a sparse `-partial` file, from which a later download resumes.
Concurrent requests for a layer share one download, which is canceled when the last client disconnects.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.sandbox.ollama.gguf import human, read_header
from ert_deploy.sandbox.ollama.wire import Json, encode

REPORT_EVERY = 0.06
_STEP = 0.02


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a model: its source (a file, or the bytes) and its digest."""

    digest: str
    size: int
    source: Path | bytes


def layers_of(name: str, path: Path, digest: str) -> list[Layer]:
    """Return the layers of the model, the weights first and the configuration last, as in a registry."""
    header = read_header(path)
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": header.architecture,
        "families": [header.architecture],
        "parameter_size": human(header.parameters),
        "quantization_level": header.file_type,
    }
    config = encode({"name": name, "details": details})
    return [
        Layer(digest, path.stat().st_size, path),
        Layer(_digest_of(config), len(config), config),
    ]


def _digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Download:
    """The download of one layer, shared by all requests for it and canceled with the last one."""

    layer: Layer
    partial: Path
    completed: int = 0
    wanted_by: int = 0
    task: asyncio.Task[None] | None = None


class Downloads:
    """All running downloads, by digest, to one blob directory. `rate` is in MB per second."""

    def __init__(self, blobs: Path, rate: float) -> None:
        self.blobs, self.rate = blobs, rate
        self._running: dict[str, Download] = {}

    def blob(self, digest: str) -> Path:
        """Return the path of the blob with this SHA-256."""
        return self.blobs / f"sha256-{digest}"

    async def pull(self, layer: Layer) -> AsyncGenerator[Json, None]:
        """Yield the progress of one layer. Closing the iterator withdraws from the download."""
        line: Json = {
            "status": f"pulling {layer.digest[:12]}",
            "digest": f"sha256:{layer.digest}",
            "total": layer.size,
        }
        if self.blob(layer.digest).exists():
            yield {**line, "completed": layer.size}
            return
        yield line
        download = self._join(layer)
        try:
            while download.task and not download.task.done():
                await asyncio.wait({download.task}, timeout=REPORT_EVERY)
                yield {**line, **({"completed": download.completed} if download.completed else {})}
            if download.task:
                await download.task
        finally:
            self._leave(download)

    def _join(self, layer: Layer) -> Download:
        download = self._running.get(layer.digest)
        if download is None:
            download = Download(layer, self.blob(layer.digest + "-partial"))
            download.task = asyncio.create_task(self._run(download))
            self._running[layer.digest] = download
        download.wanted_by += 1
        return download

    def _leave(self, download: Download) -> None:
        download.wanted_by -= 1
        if download.wanted_by == 0:
            self._running.pop(download.layer.digest, None)
            if download.task:
                download.task.cancel()

    async def _run(self, download: Download) -> None:
        layer, partial = download.layer, download.partial
        download.completed = min(_bytes_so_far(partial), layer.size)
        partial.touch()
        while download.completed < layer.size:
            await asyncio.sleep(_STEP)
            download.completed = min(layer.size, download.completed + max(1, int(self.rate * 1e6 * _STEP)))
            os.truncate(partial, download.completed)
        await asyncio.to_thread(_place, layer.source, partial, self.blob(layer.digest))


def _bytes_so_far(partial: Path) -> int:
    """Return the size of a partial file. A hard link to the registry is deleted, because it must not be truncated."""
    try:
        stat = partial.stat()
    except FileNotFoundError:
        return 0
    if stat.st_nlink > 1:
        partial.unlink()
    return stat.st_size


def _place(source: Path | bytes, partial: Path, target: Path) -> None:
    if isinstance(source, bytes):
        partial.write_bytes(source)
        partial.replace(target)
        return
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(target)

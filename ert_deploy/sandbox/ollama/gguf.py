"""GGUF parser: reads the metadata of a model file without loading the model.

The `gguf` package can do this too, but takes seconds for a vocabulary of 49152 tokens; `/api/show` must respond in
milliseconds. Format: the public GGUF specification, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LONGEST_LIST = 5
_TENSOR_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 12: "Q4_K", 14: "Q6_K"}
_FILE_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 15: "Q4_K_M", 18: "Q6_K"}


@dataclass(frozen=True, slots=True)
class Header:
    """Metadata (arrays of more than five items are empty, as in Ollama's responses) and tensors."""

    values: dict[str, Any]
    tensors: tuple[dict[str, Any], ...]
    parameters: int

    @property
    def architecture(self) -> str:
        """The architecture, such as `llama`."""
        return str(self.values.get("general.architecture", "unknown"))

    @property
    def file_type(self) -> str:
        """The common name of the quantization."""
        return _FILE_TYPES.get(int(self.values.get("general.file_type", -1)), "unknown")


@dataclass(slots=True)
class _Cursor:
    data: mmap.mmap
    at: int = 0

    def scalar(self, code: str) -> Any:
        size = struct.calcsize(code)
        value = struct.unpack_from(code, self.data, self.at)[0]
        self.at += size
        return value

    def text(self) -> str:
        length = self.scalar("<Q")
        raw = self.data[self.at : self.at + length]
        self.at += length
        return raw.decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self.array()
        return self.scalar(_SCALARS[kind])

    def array(self) -> list[Any]:
        kind, count = self.scalar("<I"), self.scalar("<Q")
        if count <= _LONGEST_LIST:
            return [self.value(kind) for _ in range(count)]
        if kind in _SCALARS:
            self.at += count * struct.calcsize(_SCALARS[kind])
            return []
        for _ in range(count):
            self.value(kind)
        return []

    def tensor(self) -> dict[str, Any]:
        name, dimensions = self.text(), self.scalar("<I")
        shape = [self.scalar("<Q") for _ in range(dimensions)]
        kind = self.scalar("<I")
        self.scalar("<Q")
        return {"name": name, "type": _TENSOR_TYPES.get(kind, f"type{kind}"), "shape": shape}


def read_header(path: Path) -> Header:
    """Return the header of the GGUF file at `path`. Raises `ValueError` if it is not a supported GGUF file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        cursor = _Cursor(data)
        if data[:4] != b"GGUF":
            raise ValueError(f"{path.name} is not a GGUF file")
        cursor.at = 4
        version, tensor_count, value_count = cursor.scalar("<I"), cursor.scalar("<Q"), cursor.scalar("<Q")
        if version not in (2, 3):
            raise ValueError(f"{path.name} has GGUF version {version}, not 2 or 3")
        values: dict[str, Any] = {}
        for _ in range(value_count):
            key = cursor.text()
            values[key] = cursor.value(cursor.scalar("<I"))
        tensors = tuple(cursor.tensor() for _ in range(tensor_count))
    return Header(values, tensors, sum(prod(t["shape"]) for t in tensors))


def human(parameters: int) -> str:
    """Return a parameter count in Ollama's format: `134.52M`, `20.9B`."""
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if parameters >= size:
            return f"{parameters / size:.2f}{unit}" if unit in "MK" else f"{parameters / size:.1f}{unit}"
    return str(parameters)

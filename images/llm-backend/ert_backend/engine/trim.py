"""Image trimming: keeps one CUDA family of Ollama's libraries during the build, with the standard library only.

    python trim.py FOLDER FAMILY

The upstream image contains gigabytes of libraries for CUDA 12 and 13, MLX and Vulkan; a rented NVIDIA card uses one
family. The others are recognised by the names of their directories; if it is missing the build fails, since
Ollama would run on the CPU without it.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

BACKENDS = re.compile(r"cuda_|mlx|vulkan|rocm|hip|sycl|metal", re.IGNORECASE)
LOOSE = re.compile(r"lib(?:ggml-)?(?:vulkan|mlx|hip|rocm|sycl)", re.IGNORECASE)


class NoFamily(ValueError):
    """The directory has no libraries of that family; the message lists those it has."""


def trim(folder: Path, family: str) -> list[str]:
    """Remove all other backends from `folder` and return their names; raise NoFamily when `family` is missing."""
    wanted = f"cuda_v{family}"
    entries = sorted(folder.iterdir())
    if not (folder / wanted).is_dir():
        found = ", ".join(entry.name for entry in entries if entry.is_dir()) or "none"
        raise NoFamily(f"{folder} has no {wanted}; it has {found}")
    others = [entry for entry in entries if entry.name != wanted and _is_backend(entry)]
    for entry in others:
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    return [entry.name for entry in others]


def _is_backend(entry: Path) -> bool:
    return bool(BACKENDS.match(entry.name) if entry.is_dir() else LOOSE.match(entry.name))


def main(arguments: Sequence[str]) -> int:
    """Run the command; return 0 when `FAMILY` is kept, 1 when it is missing, 2 for invalid usage."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python trim.py FOLDER FAMILY\n")
        return 2
    try:
        removed = trim(Path(arguments[0]), arguments[1])
    except (NoFamily, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"kept cuda_v{arguments[1]}, removed {', '.join(removed) or 'nothing'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Keeps one CUDA family of Ollama's libraries while the image is built: `python trim.py FOLDER FAMILY`. No package.

Upstream's image brings libraries for CUDA 12 and 13, for MLX and for Vulkan, gigabytes of which a rented NVIDIA card
uses one family. What is left out is told by its folder's name; a family that is not there ends the build, since Ollama
would serve from the CPU without it.
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
    """The folder has no libraries of that family; the message says which there are."""


def trim(folder: Path, family: str) -> list[str]:
    """Remove all other backends from `folder`; what was removed, by name."""
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
    """0 when one family is left, 1 when it is not there, 2 without a folder and a family."""
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

"""Container images as Render names them: `nginx` becomes `docker.io/library/nginx:latest`. Nothing is pulled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """A container image in the format of deploys: `ref` with registry and tag, `sha` with its algorithm."""

    ref: str
    sha: str


def pulled(path: str) -> Image:
    """Return the image of a path as Render reports it; its digest is derived from the path, nothing is pulled."""
    ref = normal_path(path)
    return Image(ref, f"sha256:{hashlib.sha256(ref.encode()).hexdigest()}")


def normal_path(path: str) -> str:
    """Return an image path with its registry and tag: `nginx` is `docker.io/library/nginx:latest` (recorded)."""
    host, _, rest = path.partition("/")
    if not rest:
        path = f"docker.io/library/{path}"
    elif "." not in host and ":" not in host and host != "localhost":
        path = f"docker.io/{path}"
    return path if "@" in path or ":" in path.rsplit("/", 1)[-1] else f"{path}:latest"


def repository_of(path: str) -> str:
    """Return a normal path without its tag and digest."""
    folder, _, name = path.partition("@")[0].rpartition("/")
    return f"{folder}/{name.partition(':')[0]}"

"""Finds the two images that the sandbox runs as processes."""

from __future__ import annotations

from pathlib import Path

WANTED = ("llm-backend", "dashboard")


def images_folder(package: Path | None = None) -> Path:
    """`_bundled/images` inside the package when installed from a wheel, else `images/` beside it in a checkout.

    FileNotFoundError, in one line, when neither has both images. `package` is the folder of `ert_deploy`.
    """
    package = package or Path(__file__).resolve().parents[2]
    for folder in (package / "_bundled" / "images", package.parent / "images"):
        if all((folder / name).is_dir() for name in WANTED):
            return folder
    raise FileNotFoundError(f"the images {' and '.join(WANTED)} are missing beside {package}: install the package anew")

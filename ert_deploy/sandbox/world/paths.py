"""Image paths: finds the two images that are run without containers."""

from __future__ import annotations

from pathlib import Path

WANTED = ("llm-backend", "dashboard")


def images_folder(package: Path | None = None) -> Path:
    """Return `_bundled/images` inside the package if installed from a wheel, else `images/` next to it in a checkout.

    `package` is the directory of `ert_deploy`. Raises `FileNotFoundError` when neither contains both images.
    """
    package = package or Path(__file__).resolve().parents[2]
    for folder in (package / "_bundled" / "images", package.parent / "images"):
        if all((folder / name).is_dir() for name in WANTED):
            return folder
    raise FileNotFoundError(f"the images {' and '.join(WANTED)} are missing next to {package}: reinstall the package")

"""`image build` and `image push`: the GPU image, and the digest in the config. No machine is rented."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ert_deploy.app.deployment import SILENT, Progress, opened
from ert_deploy.config import find
from ert_deploy.core.model.errors import Failed, UsageError

if TYPE_CHECKING:
    from ert_deploy.adapters.docker_images import Built

ARGUMENTS = ("BASE", "OLLAMA_IMAGE", "BAKE_MODEL", "CUDA")
IMAGE = "llm-backend"
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Pushed:
    """The pushed image by its digest, and the resulting change of the config (a unified diff, or empty)."""

    image: str
    tag: str
    digest: str
    diff: str


def build_image(
    config: str | None = None,
    *,
    tag: str | None = None,
    arguments: Mapping[str, str] | None = None,
    bill_of_materials: Path | None = None,
    progress: Progress = SILENT,
) -> Built:
    """Build the image from the sources included in this package, as `tag` or as `launch/image` of the config.

    The CUDA libraries are those that every host of the config can run. Raises UsageError for an invalid tag or
    argument, and Failed if the Docker build fails or the bill of materials cannot be written.
    """
    from ert_deploy.adapters.docker_images import DockerImages

    given = _known(dict(arguments or {}))
    if tag is None or config is not None:
        settings = opened(config).settings
        given = _for_the_hosts(given, settings.desired.criteria.min_cuda)
        tag = tag or _with_a_tag(settings.desired.launch.image)
    built = DockerImages().build(image_source(), tag, given, progress.note)
    if bill_of_materials is not None:
        _write(bill_of_materials, DockerImages().bill_of_materials(tag))
        progress.note(f"the bill of materials is in {bill_of_materials}")
    return built


def push_image(
    config: str | None = None, *, tag: str | None = None, record: bool = True, progress: Progress = SILENT
) -> Pushed:
    """Upload the image, and with `record` set `launch/image` of a named config to its digest.

    Raises UsageError, before the upload, if the config cannot be changed; Failed if the upload fails.
    """
    from ert_deploy.adapters.docker_images import DockerImages
    from ert_deploy.config.yaml.edit import check_image, record_image

    tag = tag or _with_a_tag(opened(config).settings.desired.launch.image)
    if record and config:
        check_image(find(config))
    digest = DockerImages().push(tag, progress.note)
    pinned = f"{tag.rpartition(':')[0]}@{digest}"
    changed = record_image(find(config), pinned) if record and config else ""
    for line in changed.splitlines():
        progress.note(line)
    if not (record and config):
        progress.note("no config was changed; put it under launch/image")
    return Pushed(pinned, tag, digest, changed)


def image_source(package: Path = _PACKAGE) -> Path:
    """Return the folder of the GPU image's Dockerfile in this package. Raises UsageError if it is missing."""
    folders = (package / "_bundled" / "images", package.parent / "images")
    for folder in folders:
        if (folder / IMAGE).is_dir():
            return folder / IMAGE
    raise UsageError(f"the image {IMAGE} is missing next to {package}: reinstall the package")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {os.strerror(error.errno or 0)}") from error


def _known(arguments: dict[str, str]) -> dict[str, str]:
    """Return the build arguments; raise UsageError for an unknown name. Their values are stored in the image."""
    if unknown := sorted(set(arguments) - set(ARGUMENTS)):
        raise UsageError(f"the Dockerfile has no argument {', '.join(unknown)}", hint=f"it has {', '.join(ARGUMENTS)}")
    return arguments


def _for_the_hosts(arguments: dict[str, str], oldest: float) -> dict[str, str]:
    """Add the CUDA version that every host of the config can run; raise UsageError if a newer one is given."""
    fits = "13" if oldest >= 13 else "12"
    if arguments.get("CUDA", fits) > fits:
        raise UsageError(
            f"offer/min_cuda is {oldest:g}, and such a host does not run the libraries of CUDA {arguments['CUDA']}",
            hint="raise offer/min_cuda to 13, or leave CUDA out",
        )
    return {"CUDA": fits, **arguments}


def _with_a_tag(image: str) -> str:
    if "@" in image:
        raise UsageError("launch/image is a digest already, which has no tag to build or push", hint="give --tag")
    return image

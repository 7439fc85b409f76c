"""`ert-deploy image`: build the GPU image, push it, and write into the config what was pushed. Rents nothing."""

from __future__ import annotations

from pathlib import Path

import click

from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.core.model.errors import UsageError

ARGUMENTS = ("BASE", "OLLAMA_IMAGE", "BAKE_MODEL", "CUDA")


@click.group("image")
def command() -> None:
    """Build and push the GPU image; record its digest in the config.

    Needs a Docker engine (DOCKER_HOST, or the default socket). Registry logins are docker's own (`docker login`, a
    credential helper), or ERT_REGISTRY_USERNAME and ERT_REGISTRY_PASSWORD.
    """


_TAG_HELP = "The image, such as ghcr.io/name/ert-llm-backend:0.1.0. Default: launch/image of the config."


@command.command("build")
@config_option
@json_option
@click.option("--tag", metavar="IMAGE:TAG", help=_TAG_HELP)
@click.option(
    "--build-arg", "given", metavar="NAME=VALUE", multiple=True, help=f"One of {', '.join(ARGUMENTS)}; may be repeated."
)
@click.option(
    "--sbom", type=click.Path(dir_okay=False, path_type=Path), help="Write its CycloneDX bill of materials here."
)
def build(config: str | None, as_json: bool, tag: str | None, given: tuple[str, ...], sbom: Path | None) -> None:
    """Build the image from the sources that came with this program, with CUDA libraries that offer/min_cuda can run."""
    from ert_deploy.cli.view.progress import make_view
    from ert_deploy.wiring import image_source, images

    arguments = _for_the_hosts(_arguments(given), config if tag else config or "")
    tag = tag or _configured(config)
    with interruptible(), make_view() as view:
        built = images().build(image_source(), tag, arguments, view.note)
        if sbom is not None:
            sbom.write_bytes(images().bill_of_materials(tag))
            view.note(f"the bill of materials is in {sbom}")
    layers = [{"bytes": layer.size, "made_by": layer.made_by} for layer in built.layers]
    if as_json:
        emit_json({"image": built.tag, "id": built.id, "bytes": built.size, "layers": layers})
        return
    click.echo(f"{built.tag} is built, {built.size / 1e9:.1f} GB unpacked ({built.id[:19]})")
    for layer in built.layers:
        click.echo(f"{layer.size / 1e6:10.1f} MB  {layer.made_by}")


@command.command("push")
@config_option
@json_option
@click.option("--tag", metavar="IMAGE:TAG", help=_TAG_HELP)
@click.option("--record/--no-record", default=True, show_default=True, help="Write the digest into the config of -c.")
def push(config: str | None, as_json: bool, tag: str | None, record: bool) -> None:
    """Push the image, and set launch/image of the config given with -c to what was pushed, by its digest."""
    from ert_deploy.cli.view.progress import make_view
    from ert_deploy.wiring import check_record, images, record_image

    tag = tag or _configured(config)
    if record and config:
        check_record(config)
    with interruptible(), make_view() as view:
        digest = images().push(tag, view.note)
        pinned = f"{tag.rpartition(':')[0]}@{digest}"
        changed = record_image(config, pinned) if record and config else ""
        for line in changed.splitlines():
            view.note(line)
        if not (record and config):
            view.note("no config was changed; put it under launch/image")
    if as_json:
        emit_json(
            {"image": pinned, "tag": tag, "digest": digest, "config": config if changed else None, "diff": changed}
        )
    else:
        click.echo(pinned)


def _arguments(given: tuple[str, ...]) -> dict[str, str]:
    """The build arguments; UsageError for a name the Dockerfile does not know. Their values stay in the image."""
    pairs = dict(word.partition("=")[::2] for word in given)
    if unknown := sorted(set(pairs) - set(ARGUMENTS)):
        raise UsageError(f"the Dockerfile has no argument {', '.join(unknown)}", hint=f"it has {', '.join(ARGUMENTS)}")
    return pairs


def _for_the_hosts(arguments: dict[str, str], config: str | None) -> dict[str, str]:
    """With the CUDA family that every host of the config can run, if there is a config; UsageError for a newer one."""
    if config is None:
        return arguments
    from ert_deploy.wiring import settings_for

    oldest = settings_for(config or None).desired.criteria.min_cuda
    fits = "13" if oldest >= 13 else "12"
    if arguments.get("CUDA", fits) > fits:
        raise UsageError(
            f"offer/min_cuda is {oldest:g}, and such a host does not run the libraries of CUDA {arguments['CUDA']}",
            hint="raise offer/min_cuda to 13, or leave CUDA out",
        )
    return {"CUDA": fits, **arguments}


def _configured(config: str | None) -> str:
    """`launch/image` of the config, which has to have a tag."""
    from ert_deploy.wiring import settings_for

    image = settings_for(config).desired.launch.image
    if "@" in image:
        raise UsageError("launch/image is a digest already, which has no tag to build or push", hint="give --tag")
    return image

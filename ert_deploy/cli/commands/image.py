"""`ert-deploy image`: build the GPU image, upload it, and store the digest in the config. Rents no machine."""

from __future__ import annotations

from pathlib import Path

import click

from ert_deploy.app import images
from ert_deploy.cli.groups import Group
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view


@click.group("image", cls=Group)
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
    "--build-arg",
    "given",
    metavar="NAME=VALUE",
    multiple=True,
    help=f"One of {', '.join(images.ARGUMENTS)}; may be repeated.",
)
@click.option(
    "--sbom", type=click.Path(dir_okay=False, path_type=Path), help="Write its CycloneDX bill of materials here."
)
def build(config: str | None, as_json: bool, tag: str | None, given: tuple[str, ...], sbom: Path | None) -> None:
    """Build the image from the sources in this package, with CUDA libraries for the hosts of offer/min_cuda."""
    arguments = dict(word.partition("=")[::2] for word in given)
    with interruptible(), make_view() as view:
        built = images.build_image(config, tag=tag, arguments=arguments, bill_of_materials=sbom, progress=view)
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
    """Upload the image, and set launch/image of the config given with -c to its digest."""
    with interruptible(), make_view() as view:
        done = images.push_image(config, tag=tag, record=record, progress=view)
    if as_json:
        changed = config if done.diff else None
        emit_json({"image": done.image, "tag": done.tag, "digest": done.digest, "config": changed, "diff": done.diff})
    else:
        click.echo(done.image)

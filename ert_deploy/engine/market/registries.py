"""Check that image and model exist in their registry, and that every variable has a value, before anything is rented.

A machine that cannot pull its image, whose image is another product, whose model does not exist or that lacks a
variable fails on every host alike. What cannot be read here is no reason to stop: hosts may reach it from where they
are.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.launching.manifest import CONTRACT, GUARD, PLATFORM, Access, Manifest
from ert_deploy.core.model.desired import PORT, Launch
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.text import printable
from ert_deploy.engine.app_proof import Finding
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import Audience, Registries

OLLAMA = "ollama"  # the one kind of model server that downloads its model by name
LARGER = 1.5  # times the size that the config assumes, from which on the expected time and cost are wrong
PUSH = "`ert-deploy image build` and `image push` make one that fits"


def check_registries(run: Run) -> Effects[None]:
    """Raise UsageError if no machine could start with this config; report what is not known. Once in a run."""
    if run.memory.registries_read:
        return
    for finding in (yield from registry_findings(run.desired.launch, run.memory)):
        if finding.stops:
            raise UsageError(finding.what, hint=finding.hint)
        yield from ask(Audience.tell, Trouble(finding.what, finding.hint))


def registry_findings(launch: Launch, memory: RunMemory) -> Effects[tuple[Finding, ...]]:
    """Return what is wrong with the variables, the image and the model, as far as their registry reports it.

    The response about the image is noted in the memory, as in a run.
    """
    memory.registries_read = True
    memory.image = yield from ask(Registries.image, launch.image)
    return (yield from _findings(launch, memory.image))


def _findings(launch: Launch, image: Manifest) -> Effects[tuple[Finding, ...]]:
    found = [*_of_variables(launch), *_of_image(launch, image)]
    if launch.server.kind == OLLAMA:
        model = yield from ask(Registries.model, launch.model)
        found += _of_model(launch, model, image)
    return tuple(found)


def _of_variables(launch: Launch) -> Iterator[Finding]:
    for extra in launch.env:
        if extra.missing:
            yield Finding(
                f"launch/env takes {extra.name} from {extra.source}, which is not set here",
                f"export {extra.source}=... where `up` is run",
            )


def _of_image(launch: Launch, image: Manifest) -> Iterator[Finding]:
    name = f"the image {launch.image}"
    match image.access:
        case Access.MISSING:
            yield Finding(
                f"{name} does not exist: its registry has no such tag or digest", f"check launch/image; {PUSH}"
            )
        case Access.WITHHELD:
            yield Finding(
                f"{name} is private, or does not exist: its registry does not return it without a login",
                "make it public (a new GHCR package is private: Package settings, Change visibility), or push it again",
            )
        case Access.UNREAD:
            yield Finding(f"{name} was not checked", image.detail, stops=False)
        case Access.FOUND if not image.runs_here:
            yield Finding(
                f"{name} is for {', '.join(image.platforms)}, and the GPU machines run {PLATFORM}",
                "`ert-deploy image build` builds for linux/amd64; push the result",
            )
        case Access.FOUND if image.gb > launch.disk_gb:
            yield Finding(
                f"{name} is {image.gb:.1f} GB to download, launch/disk_gb is {launch.disk_gb:g}",
                f"set launch/disk_gb to at least {image.unpacked_gb + 1:.0f}: a host unpacks it",
            )
        case Access.FOUND if image.gb > LARGER * launch.image_gb:
            yield Finding(
                f"{name} is {image.gb:.1f} GB to download, launch/image_gb is {launch.image_gb:g}",
                "correct launch/image_gb: the expected time and cost follow from it",
                stops=False,
            )
    if image.pullable:
        yield from _of_program(name, image)


def _of_program(name: str, image: Manifest) -> Iterator[Finding]:
    """Yield what its container would run if that is not the backend, and ports that the provider would publish too."""
    runs = f"its container runs `{printable(image.program or '', 80)}`"
    if image.contract and image.contract != CONTRACT:
        yield Finding(
            f"{name} is made for contract {image.contract} of the backend, and this release knows {CONTRACT}",
            f"launch/image: {PUSH}; or install the release that built it",
        )
    elif image.program == "":
        yield Finding(f"{name} has neither an entry point nor a command: nothing would run", f"launch/image: {PUSH}")
    elif image.backend is False:
        yield Finding(f"{name} is not the backend: {runs}", f"launch/image: {PUSH}")
    elif image.contract and not image.backend:
        yield Finding(f"{name} starts in its own way: {runs}", f"that has to start {GUARD}", stops=False)
    others = [port for port in image.ports if port != f"{PORT}/tcp"]
    if image.backend is not False and others:
        yield Finding(
            f"{name} exposes {', '.join(others)} besides {PORT}/tcp",
            "the provider publishes each: remove its EXPOSE, unless that port is meant for everybody",
            stops=False,
        )


def _of_model(launch: Launch, model: Manifest, image: Manifest) -> Iterator[Finding]:
    name = f"the model {launch.model}"
    match model.access:
        case Access.MISSING | Access.WITHHELD:
            yield Finding(
                f"{name} does not exist: the registry of the model server does not have it",
                "check launch/model: ollama.com/library lists the names and their tags",
            )
        case Access.UNREAD:
            yield Finding(f"{name} was not checked", model.detail, stops=False)
        case Access.FOUND if model.gb + image.gb > launch.disk_gb:
            yield Finding(
                f"{name} needs {model.gb:.1f} GB and the image {image.gb:.1f} GB, launch/disk_gb is {launch.disk_gb:g}",
                f"set launch/disk_gb to at least {model.gb + image.gb + 3:.0f}",
            )

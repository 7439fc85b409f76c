"""Endpoints of a run: addresses and keys of both providers and an external server, clock, launch; or a sandbox's."""

from __future__ import annotations

import os
import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ert_deploy.config import Endpoint, KeySource, Provider, Settings, read_key, read_variables
from ert_deploy.config.yaml.regular_file import Unreadable, read_plain
from ert_deploy.core import redaction
from ert_deploy.core.model.app.external import NO_KEY, External
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Clock

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.file import WorldFile

FOR_MACHINES = "ERT_MACHINE_SECRET"
LEAST = 32  # characters of a key of one's own: whoever sees a signature that it made can guess offline
MOST_PEM = 64 * 1024  # bytes of a file with certificates


def clock_of(world: WorldFile | None) -> Clock:
    """Return the clock of the running sandbox, or that of this computer."""
    from ert_deploy.adapters.clock import CompressedClock, RealClock

    return RealClock() if world is None else CompressedClock(world.speed, world.epoch_wall, world.epoch_world)


def endpoints(
    settings: Settings, world: WorldFile | None, *, gpu: bool = True, web: bool = True
) -> tuple[tuple[str, Secret], tuple[str, Secret]]:
    """Return URL and key of GPU cloud and web host. Raises UsageError for a missing key, or one the sandbox lacks."""
    found = tuple(_endpoint(place, world, needed) for place, needed in ((settings.gpu, gpu), (settings.web, web)))
    redaction.hold(*(key.reveal() for _, key in found))
    return found[0], found[1]


def launch_of(wanted: Launch, world: WorldFile | None) -> Launch:
    """Return the launch with its secret variables, and the model that the sandbox has. Raises UsageError."""
    env = read_variables(wanted.env, os.environ)
    redaction.hold(*(one.value for one in env if one.source))
    # Offline, the sandbox uses `toy` under its own name.
    model = world.model if world is not None and world.model is not None else wanted.model
    return replace(wanted, env=env, model=model)


def without_cloud(settings: Settings, world: WorldFile | None) -> bool:
    """Whether there is no key of the cloud, and need be none: the apps use an external server."""
    source = settings.gpu.key
    given = os.environ.get(source.env) or source.file is not None
    return settings.desired.external is not None and world is None and not given


def own_key(what: str, variable: str, hint: str) -> Secret:
    """Return a key that somebody made for the parts of a deployment. Raises UsageError if it is too short to be one."""
    key = read_key(KeySource(what, variable), os.environ)
    redaction.hold(key.reveal())
    if len(key.reveal()) < LEAST:
        raise UsageError(f"{variable} is shorter than {LEAST} characters", hint=hint)
    return key


def machine_secret() -> Secret | None:
    """Return the secret that keys of machines are derived with; None if there is none. Raises UsageError."""
    if not os.environ.get(FOR_MACHINES):
        return None
    return own_key("machine keys", FOR_MACHINES, "`openssl rand -hex 32` makes one; the app gets the same")


def external_server(settings: Settings) -> External | None:
    """Return the external server with its key, if that is set here, and its certificate; None without one.

    Raises UsageError for a key that cannot be one, and for a certificate that cannot be read.
    """
    server = settings.desired.external
    if server is None:
        return None
    key: Secret | None = NO_KEY
    if server.variable:
        source = KeySource("external server", server.variable)
        key = read_key(source, os.environ) if os.environ.get(server.variable) else None
        redaction.hold(key.reveal() if key is not None else "")
    pem = _certificate(settings.external_ca) if settings.external_ca is not None else ""
    return replace(server, key=key, certificate=pem)


def _certificate(path: Path) -> str:
    """Return the text of a PEM file with certificates and nothing else."""
    hint = "external/ca is the certificate of the server, or of its CA"
    try:
        _, data = read_plain(path, MOST_PEM)
        text = data.decode("ascii").strip()
        ssl.create_default_context(cadata=text)
    except Unreadable as reason:
        raise UsageError(f"external/ca {path}: {reason}", hint=hint) from None
    except (ValueError, ssl.SSLError):
        raise UsageError(f"external/ca {path} holds no certificate in PEM", hint=hint) from None
    if "PRIVATE KEY" in text:
        raise UsageError(f"external/ca {path} holds a private key, and the app would get it", hint=hint)
    return text


def _endpoint(place: Endpoint[Provider], world: WorldFile | None, needed: bool) -> tuple[str, Secret]:
    if world is None:
        return place.url, read_key(place.key, os.environ) if needed else Secret("none")
    double = world.provider(place.provider.section)
    if double is None:
        raise UsageError(f"the sandbox has no double of {place.provider.name}", hint="choose another under providers")
    return double[0], Secret(double[1])

"""What a config has kept: its state, with the key it is signed with, and the keys of its apps. It knows no provider."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ert_deploy.config import S3Object, Settings, custody_folder, read_state_key, state_of
from ert_deploy.config.settings import STATE_KEY
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Clock, KeyCustody, StateKeeper, StateStore, WebHost

if TYPE_CHECKING:
    from ert_deploy.adapters.state.signature import StateKeys


def own_store(settings: Settings, clock: Clock, keys: StateKeys | None = None) -> StateKeeper:
    """The store of the config's own deployment."""
    store = store_of(settings, settings.desired.deployment, clock, keys)
    assert store is not None
    return store


def store_of(settings: Settings, deployment: str, clock: Clock, keys: StateKeys | None = None) -> StateKeeper | None:
    """The store of that deployment; None where this config does not say where it is."""
    place = state_of(settings, deployment)
    if place is None:
        return None
    keys = keys or state_keys(settings)
    if isinstance(place, S3Object):
        from ert_deploy.adapters.state.s3 import StateS3

        return StateS3(place.bucket, place.key, deployment, clock, keys=keys)
    from ert_deploy.adapters.state.file import StateFile

    return StateFile(place, deployment, clock, keys=keys)


def state_keys(settings: Settings) -> StateKeys:
    """The key of the state. One that is wanted and not there fails reads and writes, which `down` goes on without."""
    from ert_deploy.adapters.state.signature import StateKeys

    try:
        return StateKeys(read_state_key(settings.state_key, os.environ))
    except UsageError as error:
        return StateKeys(lacking=error)


def keys_to_sign(settings: Settings, *, remove: bool) -> StateKeys:
    """What a person's hand on the signature takes. UsageError without the key that it needs.

    What bears no signature is believed, and the key that was in use before. To `remove` it, none is written.
    """
    keys = state_keys(settings)
    if keys.lacking is not None:
        raise keys.lacking
    if keys.key is None:
        raise UsageError(
            f"there is no state key: {STATE_KEY} is not set",
            hint="set the key that is to be used, or that was; `openssl rand -hex 32` makes one",
        )
    if remove:
        return replace(keys, key=None, former=keys.key, unsigned=True)
    former = os.environ.get(f"{STATE_KEY}_OLD")
    return replace(keys, former=Secret(former) if former else None, unsigned=True)


def with_custody(settings: Settings, web: WebHost, store: StateStore) -> WebHost:
    """The web host, with what it does not show from where the config has it kept. UsageError without that extra."""
    from ert_deploy.adapters.custody.web import CustodyWeb

    def deployed(service_id: str) -> str:
        rollout = store.load().rollout(service_id)
        return rollout.fingerprint if rollout is not None else ""

    names = {target.service: target.names for target in settings.desired.targets}
    return CustodyWeb(web, _custody(settings), names, deployed)


def _custody(settings: Settings) -> KeyCustody:
    from ert_deploy.adapters.custody.app import AppCustody

    match settings.custody.kind:
        case "keyring":
            from ert_deploy.adapters.custody.keyring import KeyringCustody

            return KeyringCustody(settings.desired.deployment)
        case "file":
            from ert_deploy.adapters.custody.file import FileCustody

            return FileCustody(custody_folder(settings))
        case _:
            return AppCustody()

"""Stores of a config: its state, with the signing key, and the keys of its apps. Depends on no provider."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ert_deploy.config import PostgresState, S3Object, Settings, audit_folder, custody_folder, read_state_key, state_of
from ert_deploy.config.settings import STATE_KEY
from ert_deploy.core.model.errors import Transient, UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Audience, Clock, GpuHost, KeyCustody, NoticeMemory, StateKeeper, StateStore, WebHost
from ert_deploy.store_ports import LedgerStore

if TYPE_CHECKING:
    from ert_deploy.adapters.state.signature import StateKeys

AUDIT_SECONDS = 4.0  # of the proof of a machine's identity, and of the read: what a destroy waits for at most, twice


def own_store(settings: Settings, clock: Clock, keys: StateKeys | None = None) -> StateKeeper:
    """Return the store for the deployment of the config."""
    store = store_of(settings, settings.desired.deployment, clock, keys)
    assert store is not None
    return store


def must_be_installed(settings: Settings) -> None:
    """Raise `UsageError` if a package is absent that these stores need, before anything is started or rented."""
    from ert_deploy.adapters.extras import must_have

    if isinstance(state_of(settings, settings.desired.deployment), S3Object):
        must_have("boto3", "s3", "state in S3")
    if settings.custody.kind == "keyring":
        must_have("keyring", "keyring", "keys/custody: keyring")


def store_of(settings: Settings, deployment: str, clock: Clock, keys: StateKeys | None = None) -> StateKeeper | None:
    """Return the store of that deployment; None if this config does not define its location."""
    place = state_of(settings, deployment)
    if place is None:
        return None
    keys = keys or state_keys(settings)
    if isinstance(place, S3Object):
        from ert_deploy.adapters.state.object_state import StateObject
        from ert_deploy.adapters.state.s3_objects import S3Objects

        return StateObject(S3Objects(place.bucket, clock), place.key, deployment, keys)
    if isinstance(place, PostgresState):
        from ert_deploy.adapters.state.object_state import StateObject
        from ert_deploy.adapters.state.postgres_objects import PostgresObjects
        from ert_deploy.adapters.state.postgres_url import database

        objects = PostgresObjects(database(place.variable, os.environ), clock)
        return StateObject(objects, f"{deployment}.json", deployment, keys)
    from ert_deploy.adapters.state.file import StateFile

    return StateFile(place, deployment, clock, keys=keys)


def notice_memory(settings: Settings, clock: Clock, what: str = "notices") -> NoticeMemory:
    """Return where the deployment's notices, or its uses, are remembered: beside its state, wherever that is kept."""
    from ert_deploy.adapters.state.notice_memory import NoticeFile, NoticeObject

    deployment = settings.desired.deployment
    place = state_of(settings, deployment)
    if isinstance(place, S3Object):
        from ert_deploy.adapters.state.s3_objects import S3Objects

        return NoticeObject(S3Objects(place.bucket, clock), f"{place.key}.{what}")
    if isinstance(place, PostgresState):
        from ert_deploy.adapters.state.postgres_objects import PostgresObjects
        from ert_deploy.adapters.state.postgres_url import database

        return NoticeObject(PostgresObjects(database(place.variable, os.environ), clock), f"{deployment}.json.{what}")
    assert place is not None
    return NoticeFile(place.with_name(f"{place.name}.{what}"))


def ledger_of(settings: Settings, clock: Clock) -> LedgerStore:
    """Return the store of the deployment's ledger: a document of its own, where its state is."""
    deployment = settings.desired.deployment
    place = state_of(settings, deployment)
    if isinstance(place, S3Object):
        from ert_deploy.adapters.state.ledger_object import LedgerObject
        from ert_deploy.adapters.state.s3_objects import S3Objects

        return LedgerObject(
            S3Objects(place.bucket, clock), f"{place.key.removesuffix('.json')}.ledger.json", deployment
        )
    if isinstance(place, PostgresState):
        from ert_deploy.adapters.state.ledger_object import LedgerObject
        from ert_deploy.adapters.state.postgres_objects import PostgresObjects
        from ert_deploy.adapters.state.postgres_url import database

        objects = PostgresObjects(database(place.variable, os.environ), clock)
        return LedgerObject(objects, f"{deployment}.ledger.json", deployment)
    from ert_deploy.adapters.state.ledger_file import LedgerFile

    assert place is not None
    return LedgerFile(place.with_name(f"{place.name.removesuffix('.json')}.ledger.json"), deployment)


def state_keys(settings: Settings) -> StateKeys:
    """Return the signing keys. With a required but missing key, reads and writes fail, which `down` tolerates."""
    from ert_deploy.adapters.state.signature import StateKeys

    try:
        return StateKeys(read_state_key(settings.state_key, os.environ))
    except UsageError as error:
        return StateKeys(lacking=error)


def keys_to_sign(settings: Settings, *, remove: bool) -> StateKeys:
    """Return the keys for changing the signature manually. Raises UsageError if the required key is missing.

    A state without a signature is accepted, and so is the previous key. With `remove`, no signature is written.
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


def metered(settings: Settings, gpu: GpuHost, clock: Clock, audience: Audience) -> GpuHost:
    """The GPU host, which keeps audit logs and notes what changes the cost of machines."""
    from ert_deploy.adapters.metered_host import MeteredHost

    return MeteredHost(with_audit(settings, gpu, audience), clock)


def with_audit(settings: Settings, gpu: GpuHost, audience: Audience) -> GpuHost:
    """The GPU host, which keeps the audit log of each machine that it destroys beside the state, if it can be read."""
    from ert_deploy.adapters.audit.host import AuditedHost
    from ert_deploy.adapters.audit.shelf import AuditShelf
    from ert_deploy.adapters.backend.probe import TlsBackendProbe
    from ert_deploy.adapters.clock import SystemEntropy

    probe = TlsBackendProbe(SystemEntropy(), allow_loopback=settings.sandbox is not None, total=AUDIT_SECONDS)

    def read(instance: Instance) -> tuple[str, ...]:
        assert instance.address is not None
        assert instance.mark is not None
        health = probe.probe(instance.address, instance.mark, instance.boot_secret, "")
        if health.certificate is None:
            raise Transient(health.detail)
        return probe.audit(instance.address, health.certificate, instance.boot_secret)

    return AuditedHost(gpu, read, AuditShelf(audit_folder(settings)), audience)


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

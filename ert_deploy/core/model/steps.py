"""Steps of a plan: a closed union of immutable values, each with the resource it applies to and a reason.

Each describes the state to reach; only the engine implements it.
"""

from __future__ import annotations

from typing import TypeAlias

from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import quick_dataclass


@quick_dataclass
class RecordInstance:
    """Record an instance that is marked for this deployment and is not in the state yet."""

    instance_id: InstanceId
    token: str
    reason: str


@quick_dataclass
class DropIntent:
    """Remove the `Intent` of a create that has left no trace after the settle time."""

    token: str
    reason: str


@quick_dataclass
class DropRecord:
    """Remove the record of an instance that is absent from a complete listing and from a read by id."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class Settle:
    """Wait until the instance of a create with unknown result appears or can be excluded (Unix time `until`)."""

    token: str
    until: float
    reason: str


@quick_dataclass
class WriteMarkers:
    """Write a marker to every target's environment before the first create, to detect a missing state."""

    targets: tuple[str, ...]
    reason: str


@quick_dataclass
class Rent:
    """Rent the offer with the lowest expected price of a ready backend."""

    reason: str


@quick_dataclass
class AwaitBoot:
    """Wait until a booting instance is identified and ready. None: the one that will be rented."""

    instance_id: InstanceId | None
    reason: str


@quick_dataclass
class Pin:
    """Pin the certificate that an instance has just used."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class Wake:
    """Start a stopped instance; its disk has the image and the model."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class Strand:
    """Give up starting an instance: cancel the start and record that a replacement is needed."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class Stop:
    """Stop an instance after its reports have finished. The disk is kept and still charged."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class AwaitStop:
    """Verify that a stopped instance has really stopped: until then its GPU may be billed."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class Publish:
    """Write the owned variables of one target with a different value, and delete the obsolete ones."""

    target: str
    write: tuple[str, ...]
    delete: tuple[str, ...]
    reason: str


@quick_dataclass
class Deploy:
    """Start a deploy that applies the written environment."""

    target: str
    reason: str


@quick_dataclass
class Prove:
    """Wait until the running app reports the new fingerprint."""

    target: str
    fingerprint: str
    reason: str


@quick_dataclass
class AddKey:
    """Make the backend accept a key created by this run, besides those in use. None: the instance to be rented."""

    instance_id: InstanceId | None
    reason: str


@quick_dataclass
class DropKeys:
    """Make the backend accept only the key that the apps use."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class SetLimits:
    """Give the guard of a running instance the limits of the config, in seconds; nothing is interrupted."""

    instance_id: InstanceId
    idle_stop: int
    boot_deadline: int
    max_lifetime: int
    reason: str


@quick_dataclass
class Drain:
    """Let requests to an old backend finish until the Unix time `until` (None: not known yet)."""

    instance_id: InstanceId
    until: float | None
    reason: str


@quick_dataclass
class Retire:
    """Write a tombstone: from now on the instance is to be deleted.

    `deny` excludes its machine for a while; `end` describes how the first boot failed, for comparison between hosts.
    """

    instance_id: InstanceId
    token: str
    machine_id: str
    reason: str
    deny: bool = False
    end: str = ""


@quick_dataclass
class Destroy:
    """Destroy an instance that has a tombstone and check that it is absent."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class ConfirmDeleted:
    """Remove a tombstone after two reads that do not contain the instance."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class AwaitGone:
    """Wait for an instance that was or will be deleted and may still exist; `until` is the time of the next check."""

    instance_id: InstanceId
    until: float
    reason: str


@quick_dataclass
class AwaitTurn:
    """Wait for other replicas: to rent until one of them has no second instance, or to publish together with them.

    `until` is the Unix time at which it goes on without them, None if it does not.
    """

    until: float | None
    reason: str


AppStep: TypeAlias = Publish | Deploy | Prove
Step: TypeAlias = (
    RecordInstance | DropIntent | DropRecord | Settle | WriteMarkers | Rent | AwaitBoot | Pin | Wake | Strand | Stop
    | AwaitStop | AppStep | AddKey | DropKeys | SetLimits | Drain | Retire | Destroy | ConfirmDeleted | AwaitGone
    | AwaitTurn
)  # fmt: skip

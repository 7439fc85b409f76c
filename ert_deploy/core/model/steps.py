"""The steps a plan is made of: a closed union of frozen values, each with an address and a reason.

A step says what will be true after it, not how. Only the engine knows how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ert_deploy.core.model.provider import InstanceId


@dataclass(frozen=True, slots=True)
class Record:
    """Write down an instance that carries our marks and is not in the state yet."""

    instance_id: InstanceId
    token: str
    reason: str


@dataclass(frozen=True, slots=True)
class DropIntent:
    """Forget a create that has left no trace after the settle time."""

    token: str
    reason: str


@dataclass(frozen=True, slots=True)
class DropRecord:
    """Forget an instance that is gone: absent from a complete listing and from a read by id."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Wait until an unknown create has shown itself or can be ruled out (Unix time `until`)."""

    token: str
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class MarkApps:
    """Leave a trace in every target's environment, before the first create that a lost state might have known."""

    targets: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Rent:
    """Rent the offer with the lowest expected cost to a healthy backend."""

    reason: str


@dataclass(frozen=True, slots=True)
class AwaitBoot:
    """Wait for a booting instance to become ours and healthy. None: the one that will be rented."""

    instance_id: InstanceId | None
    reason: str


@dataclass(frozen=True, slots=True)
class Pin:
    """Pin the certificate that an instance has just proven."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Wake:
    """Start a stopped instance; its disk has the image and the model."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Strand:
    """Give up starting an instance: cancel the start and write down that another one is needed."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop an instance once it has finished its reports. Its disk stays, and is paid."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class AwaitStop:
    """See that a stopped instance really is: until then its GPU may be paid."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Write the owned variables of one target that differ, and delete those that must go."""

    target: str
    write: tuple[str, ...]
    delete: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Deploy:
    """Start a deploy that takes up the written environment."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prove:
    """Wait until the running app reports the new fingerprint."""

    target: str
    fingerprint: str
    reason: str


@dataclass(frozen=True, slots=True)
class AddKey:
    """Have the backend take a key that this run makes, besides those that apps use. None: that of the one to come."""

    instance_id: InstanceId | None
    reason: str


@dataclass(frozen=True, slots=True)
class DropKeys:
    """Have the backend take the key that the apps use and no other."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Let requests to an old backend finish until the Unix time `until` (None: not known yet)."""

    instance_id: InstanceId
    until: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Retire:
    """Write a tombstone: from now on the instance is to be destroyed.

    `deny` shuns its machine for a while; `end` is how its first boot failed, in words to compare between hosts.
    """

    instance_id: InstanceId
    token: str
    machine_id: str
    reason: str
    deny: bool = False
    end: str = ""


@dataclass(frozen=True, slots=True)
class Destroy:
    """Destroy an entombed instance and see it gone."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Bury:
    """Remove a tombstone after two proofs of absence."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class AwaitGone:
    """Wait for an instance that was destroyed, or is to be, and is not seen gone; `until` it is looked at again."""

    instance_id: InstanceId
    until: float
    reason: str


AppStep: TypeAlias = Publish | Deploy | Prove
Step: TypeAlias = (
    Record | DropIntent | DropRecord | Settle | MarkApps | Rent | AwaitBoot | Pin | Wake | Strand | Stop | AwaitStop
    | AppStep | AddKey | DropKeys | Drain | Retire | Destroy | Bury | AwaitGone
)  # fmt: skip

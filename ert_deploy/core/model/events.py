"""What a run tells whoever watches it: facts as they happen, without any formatting and without a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ert_deploy.core.model.observed import Health, Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.steps import Step


@dataclass(frozen=True, slots=True)
class Started:
    """A step begins."""

    step: Step


@dataclass(frozen=True, slots=True)
class Renting:
    """An offer was chosen, `rank` counting from 1 of `of`; `expected` is $ for the planned hours, `hourly` $/h."""

    offer: Offer
    rank: int
    of: int
    expected: float
    hourly: float


@dataclass(frozen=True, slots=True)
class Rented:
    """A create call was answered with an instance."""

    instance_id: InstanceId
    offer: Offer


@dataclass(frozen=True, slots=True)
class OfferLost:
    """The offer went to somebody else; nothing was rented."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class CreateUnknown:
    """A create call ended without a usable answer; its token stays on watch."""

    token: str
    why: str


@dataclass(frozen=True, slots=True)
class Booting:
    """How far an instance is; `elapsed` seconds since it was rented."""

    instance: Instance
    health: Health | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class Verified:
    """An instance has proven its identity; `certificate_sha256` of the PEM that is now pinned."""

    instance: Instance
    health: Health
    certificate_sha256: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """Variables of a service were written or deleted (names only)."""

    service: str
    written: tuple[str, ...]
    deleted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeploySeen:
    """A deploy of a service, in the host's own words."""

    service: str
    deploy_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Proven:
    """The running app reports the fingerprint."""

    service: str
    app_url: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Retired:
    """An instance is to be destroyed, and why."""

    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True)
class Destroyed:
    """An instance is gone: absent from a complete listing and from a read by id."""

    instance_id: InstanceId


@dataclass(frozen=True, slots=True)
class Woken:
    """A stopped instance was asked to start."""

    instance_id: InstanceId


@dataclass(frozen=True, slots=True)
class Stopped:
    """A running instance was asked to stop."""

    instance_id: InstanceId


@dataclass(frozen=True, slots=True)
class Stranded:
    """A stopped instance cannot be started; another one is rented in its place."""

    instance_id: InstanceId
    why: str


@dataclass(frozen=True, slots=True)
class KeysSet:
    """A backend takes these keys now and no other, by the first digits of their hashes."""

    instance_id: InstanceId
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing to do but wait, and for what."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong that the run survives."""

    what: str
    why: str


Event: TypeAlias = (
    Started
    | Renting
    | Rented
    | OfferLost
    | CreateUnknown
    | Booting
    | Verified
    | Wrote
    | DeploySeen
    | Proven
    | Retired
    | Destroyed
    | Woken
    | Stopped
    | Stranded
    | KeysSet
    | Waiting
    | Trouble
)

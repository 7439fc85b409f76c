"""Events that a run reports as they happen, without formatting or credentials."""

from __future__ import annotations

from typing import TypeAlias

from ert_deploy.core.model.observed import Health, Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.steps import Step


@quick_dataclass
class Started:
    """A step has started."""

    step: Step


@quick_dataclass
class Renting:
    """An offer was selected: number `rank` of `of`. `expected` is $ for the planned duration, `hourly` $/h."""

    offer: Offer
    rank: int
    of: int
    expected: float
    hourly: float


@quick_dataclass
class Rented:
    """A create call returned an instance."""

    instance_id: InstanceId
    offer: Offer


@quick_dataclass
class OfferLost:
    """The offer is already rented; no instance was rented."""

    offer: Offer


@quick_dataclass
class CreateUnknown:
    """A create call returned without a usable response; the instance may still appear."""

    token: str
    why: str


@quick_dataclass
class Booting:
    """State of a booting instance; `elapsed` seconds since it was rented."""

    instance: Instance
    health: Health | None
    elapsed: float


@quick_dataclass
class Verified:
    """The identity of an instance is verified; `certificate_sha256` is the hash of the PEM that is now pinned."""

    instance: Instance
    health: Health
    certificate_sha256: str


@quick_dataclass
class Wrote:
    """Variables of a service were written or deleted (names only)."""

    service: str
    written: tuple[str, ...]
    deleted: tuple[str, ...]


@quick_dataclass
class DeploySeen:
    """A deploy of a service, with the status string of its host."""

    service: str
    deploy_id: str
    status: str


@quick_dataclass
class Proven:
    """The running app reports the fingerprint."""

    service: str
    app_url: str
    fingerprint: str


@quick_dataclass
class Retired:
    """An instance will be deleted, for the given reason."""

    instance_id: InstanceId
    reason: str


@quick_dataclass
class Destroyed:
    """An instance no longer exists: absent from a complete listing and from a read by id.

    `paid` is the most in $ that it has cost, None if it was not rented by this run.
    """

    instance_id: InstanceId
    paid: float | None = None


@quick_dataclass
class Woken:
    """The start of a stopped instance was requested."""

    instance_id: InstanceId


@quick_dataclass
class Stopped:
    """The stop of a running instance was requested."""

    instance_id: InstanceId


@quick_dataclass
class Stranded:
    """A stopped instance cannot be started; a new one is rented instead."""

    instance_id: InstanceId
    why: str


@quick_dataclass
class KeysSet:
    """A backend now accepts these keys exclusively; `names` are the first digits of each hash."""

    instance_id: InstanceId
    names: tuple[str, ...]


@quick_dataclass
class LimitsSet:
    """The guard of an instance has new limits, in seconds."""

    instance_id: InstanceId
    idle_stop: int
    boot_deadline: int
    max_lifetime: int


@quick_dataclass
class Waiting:
    """The run is waiting; `what` names the condition."""

    what: str
    seconds: float


@quick_dataclass
class Trouble:
    """An error that does not end the run."""

    what: str
    why: str


@quick_dataclass
class OfReplica:
    """An event of one of several replicas."""

    replica: int
    event: Event


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
    | LimitsSet
    | Waiting
    | Trouble
    | OfReplica
)


def plain(event: Event) -> Event:
    """Return the event without the replica that it is of."""
    return event.event if isinstance(event, OfReplica) else event

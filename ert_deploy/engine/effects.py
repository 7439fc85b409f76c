"""The effects the engine may ask for: frozen values that an interpreter carries out.

`run` does so on the ports, a simulator in memory; every `yield` of an effect is a point where the process may die.
"""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.core.model.desired import Criteria, Launch, Target
from ert_deploy.core.model.events import Event
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.moment import Moment
from ert_deploy.core.model.observed import Address, Health, Instance, Offer, WebDeploy
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.engine.effect import Effect, Effects, perform
from ert_deploy.ports import Account, CreateOrder, Turn, WebService

__all__ = ["Effect", "Effects", "perform"]  # and each class below


@quick_dataclass
class Now(Effect[Moment]):
    """A reading of our clocks, with the provider's time as far as it is known."""


@quick_dataclass
class Sleep(Effect[None]):
    """Wait that many seconds."""

    seconds: float


@quick_dataclass
class Tell(Effect[None]):
    """Show an event."""

    event: Event


@quick_dataclass
class Draw(Effect[bytes]):
    """Unpredictable bytes."""

    count: int


@quick_dataclass
class Load(Effect[State]):
    """Read the state."""


@quick_dataclass
class Save(Effect[State]):
    """Write the state if nobody else did since it was read."""

    state: State


@quick_dataclass
class ReadAccount(Effect[Account]):
    """The GPU account and its credit."""


@quick_dataclass
class ListInstances(Effect[tuple[Instance, ...]]):
    """Every instance of the account."""


@quick_dataclass
class GetInstance(Effect["Instance | None"]):
    """One instance by id."""

    instance_id: InstanceId


@quick_dataclass
class Search(Effect[tuple[Offer, ...]]):
    """Offers on the market."""

    criteria: Criteria
    launch: Launch
    wide: bool = False


@quick_dataclass
class AwaitTurn(Effect[None]):
    """Wait until a create or start may be sent, before it is written down that it will be."""

    turn: Turn


@quick_dataclass
class Create(Effect[InstanceId]):
    """Rent one offer: exactly one call."""

    order: CreateOrder


@quick_dataclass
class DestroyInstance(Effect[None]):
    """Ask for the destruction of an instance."""

    instance_id: InstanceId


@quick_dataclass
class StartInstance(Effect[None]):
    """Ask a stopped instance to run again."""

    instance_id: InstanceId


@quick_dataclass
class StopInstance(Effect[None]):
    """Ask an instance to stop, or cancel its start; the disk stays."""

    instance_id: InstanceId


@quick_dataclass
class Probe(Effect[Health]):
    """Look at a backend over TLS."""

    address: Address
    mark: Mark
    boot_secret: Secret
    pinned: str


@quick_dataclass
class Accepts(Effect[bool]):
    """Ask a proven backend whether it takes a key."""

    address: Address
    certificate: str
    key: Secret


@quick_dataclass
class Busy(Effect[int]):
    """Ask a proven backend how many reports it is writing or has queued."""

    address: Address
    certificate: str
    key: Secret


@quick_dataclass
class KeysInForce(Effect[tuple[int, tuple[str, ...]]]):
    """Ask a proven backend how often its keys were set, and for their hashes."""

    address: Address
    certificate: str
    boot_secret: Secret


@quick_dataclass
class SetKeys(Effect[None]):
    """Have a proven backend take the keys with these hashes and no other."""

    address: Address
    certificate: str
    boot_secret: Secret
    generation: int
    hashes: tuple[str, ...]


@quick_dataclass
class FindService(Effect[WebService]):
    """A web service by id or name."""

    target: str


@quick_dataclass
class ReadGroups(Effect[Mapping[str, str]]):
    """The variables a service gets from environment groups, each with its group's name."""

    service: WebService


@quick_dataclass
class ReadEnv(Effect[Mapping[str, Secret]]):
    """All variables of a service."""

    service_id: str


@quick_dataclass
class PutEnv(Effect[None]):
    """Set one variable."""

    service_id: str
    name: str
    value: Secret


@quick_dataclass
class DeleteEnv(Effect[None]):
    """Remove one variable."""

    service_id: str
    name: str


@quick_dataclass
class NewestDeploy(Effect["WebDeploy | None"]):
    """The most recent deploy of a service."""

    service_id: str


@quick_dataclass
class StartDeploy(Effect["WebDeploy | None"]):
    """Start a deploy; None when it was queued without an id."""

    service_id: str


@quick_dataclass
class GetDeploy(Effect[WebDeploy]):
    """One deploy by id."""

    service_id: str
    deploy_id: str


@quick_dataclass
class WhyFailed(Effect[str]):
    """The host's reason for a failed deploy and the tail of its log."""

    service: WebService
    deploy: WebDeploy


@quick_dataclass
class AppFingerprint(Effect["str | None"]):
    """The configuration fingerprint the running app reports."""

    app_url: str
    target: Target

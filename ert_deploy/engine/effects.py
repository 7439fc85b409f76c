"""Effects that the engine can request: immutable values that are executed by an interpreter.

`run` executes them on the ports, a simulator in memory. The process can die at every `yield`.
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
    """Read the local clocks, with the provider's time if it is known."""


@quick_dataclass
class Sleep(Effect[None]):
    """Wait for that many seconds."""

    seconds: float


@quick_dataclass
class Tell(Effect[None]):
    """Show an event."""

    event: Event


@quick_dataclass
class Draw(Effect[bytes]):
    """Generate unpredictable bytes."""

    count: int


@quick_dataclass
class Load(Effect[State]):
    """Read the state."""


@quick_dataclass
class Save(Effect[State]):
    """Write the state if no other process has written it since it was read."""

    state: State


@quick_dataclass
class ReadAccount(Effect[Account]):
    """Read the GPU account and its credit."""


@quick_dataclass
class ListInstances(Effect[tuple[Instance, ...]]):
    """List all instances."""


@quick_dataclass
class GetInstance(Effect["Instance | None"]):
    """Read one instance by id."""

    instance_id: InstanceId


@quick_dataclass
class Search(Effect[tuple[Offer, ...]]):
    """Search offers on the market."""

    criteria: Criteria
    launch: Launch
    wide: bool = False


@quick_dataclass
class AwaitTurn(Effect[None]):
    """Wait until a create or start may be sent; precedes the record of that call."""

    turn: Turn


@quick_dataclass
class Create(Effect[InstanceId]):
    """Rent one offer with exactly one call."""

    order: CreateOrder


@quick_dataclass
class DestroyInstance(Effect[None]):
    """Delete an instance."""

    instance_id: InstanceId


@quick_dataclass
class StartInstance(Effect[None]):
    """Start a stopped instance."""

    instance_id: InstanceId


@quick_dataclass
class StopInstance(Effect[None]):
    """Stop an instance, or cancel a start; the disk remains."""

    instance_id: InstanceId


@quick_dataclass
class Probe(Effect[Health]):
    """Check a backend over TLS."""

    address: Address
    mark: Mark
    boot_secret: Secret
    pinned: str


@quick_dataclass
class Accepts(Effect[bool]):
    """Query a backend whether it accepts a key."""

    address: Address
    certificate: str
    key: Secret


@quick_dataclass
class Busy(Effect[int]):
    """Read the number of running and pending reports from a backend."""

    address: Address
    certificate: str
    key: Secret


@quick_dataclass
class KeysInForce(Effect[tuple[int, tuple[str, ...]]]):
    """Read the generation and hashes of the current keys from a backend."""

    address: Address
    certificate: str
    boot_secret: Secret


@quick_dataclass
class SetKeys(Effect[None]):
    """Make a backend accept only the given keys, by hash."""

    address: Address
    certificate: str
    boot_secret: Secret
    generation: int
    hashes: tuple[str, ...]


@quick_dataclass
class FindService(Effect[WebService]):
    """Find a web service by id or name."""

    target: str


@quick_dataclass
class ReadGroups(Effect[Mapping[str, str]]):
    """Read the variables from environment groups of a service, each with the name of the group."""

    service: WebService


@quick_dataclass
class ReadEnv(Effect[Mapping[str, Secret]]):
    """Read all variables of a service."""

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
    """Read the most recent deploy of a service."""

    service_id: str


@quick_dataclass
class StartDeploy(Effect["WebDeploy | None"]):
    """Start a deploy; the result is None if it was accepted without an id."""

    service_id: str


@quick_dataclass
class GetDeploy(Effect[WebDeploy]):
    """Read one deploy by id."""

    service_id: str
    deploy_id: str


@quick_dataclass
class WhyFailed(Effect[str]):
    """Read the host's reason for a failed deploy and the end of its log."""

    service: WebService
    deploy: WebDeploy


@quick_dataclass
class AppFingerprint(Effect["str | None"]):
    """Read the configuration fingerprint that the running app reports."""

    app_url: str
    target: Target

"""Ports of the engine: one protocol per external system, limited to the calls that the engine needs.

Every method returns a complete, validated value or raises one of `ert_deploy.core.model.errors`: a failed read raises
`CannotObserve` (never returns None), an idempotent write raises `Transient` after its own retries, and a complete error
response raises `Rejected` or `Gone`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from ert_deploy.core.model.boot.arming import refuse_unarmed, refuse_without_bid
from ert_deploy.core.model.desired import Criteria, Launch, Target
from ert_deploy.core.model.events import Event
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.log.log_line import LogLine
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.moment import Moment
from ert_deploy.core.model.observed import Address, Health, Instance, Offer, WebDeploy
from ert_deploy.core.model.provider import Account, Cloud, InstanceId, Platform
from ert_deploy.core.model.secret import Secret
from ert_deploy.store_ports import Clock, KeyCustody, NoticeMemory, Registries, StateKeeper, StateStore

__all__ = [
    "Account", "AppAnswer", "AppProbe", "Audience", "BackendProbe", "Clock", "CreateOrder", "Entropy", "GpuHost",
    "KeyCustody", "LogLine", "NoticeMemory", "Registries", "StateKeeper", "StateStore", "TimeSource", "Turn", "WebHost",
    "WebService",
]  # fmt: skip

Turn: TypeAlias = Literal["create", "start"]  # the state stores these calls before they are sent


@dataclass(frozen=True, slots=True)
class WebService:
    """Web service as described by its host. `suspended` contains the reason, or is empty.

    `has_disk`: a deploy stops the old process first. `sleeps` is why it is stopped when idle, or empty. `unreachable`:
    `url` is disabled. `preview_of`: the service it is a preview of, or empty; `makes_previews` for pull requests.
    `instances`: the most that may serve side by side. A worker has no address: `url` is empty.
    """

    id: str
    name: str
    url: str
    owner_id: str
    suspended: str = ""
    has_disk: bool = False
    sleeps: str = ""
    unreachable: bool = False
    preview_of: str = ""
    makes_previews: bool = False
    instances: int = 1


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """Response of an app's health endpoint: the status, 0 for no response, and the location of a redirect.

    What ERT's dashboard adds: `forgets` is the number of reports that a deploy deletes; `alone`: it shares nothing with
    a second process of itself.
    """

    status: int
    location: str = ""
    forgets: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """Request of one create call: an offer, the container to run, and the mark of the instance.

    Raises Failed if the environment does not configure the guard, as the machine would not stop by itself, and for an
    interruptible machine without a bid, which would be rented on demand.
    """

    offer_id: str
    launch: Launch
    mark: Mark
    env: Mapping[str, str] = field(repr=False)  # contains the boot secret

    def __post_init__(self) -> None:
        refuse_unarmed(self.launch.guard, self.env)
        refuse_without_bid(self.launch)


class GpuHost(Protocol):
    """Market of rented GPU machines. `cloud` is what this provider can do."""

    cloud: Cloud

    def account(self) -> Account:
        """Return the account of the key. Raises UsageError if the key is invalid."""

    def account_variables(self) -> tuple[str, ...] | None:
        """Return the names of the variables the account adds to every container; None if the key may not read them."""

    def list_instances(self) -> tuple[Instance, ...]:
        """Return all instances, complete and validated; raises CannotObserve otherwise."""

    def get_instance(self, instance_id: InstanceId) -> Instance | None:
        """Return one instance, or None if a complete response confirms that it does not exist."""

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        """Return offers priced for the launch's disk. `wide` filters by GPU RAM only, as filters hide valid offers."""

    def quote(self, offer: Offer, launch: Launch) -> Offer | None:
        """Return the offer as it is now, None if it cannot be rented any more. Raises CannotObserve."""

    def await_turn(self, turn: Turn) -> None:
        """Wait until the provider's rate limits permit such a call. Sends no request."""

    def create(self, order: CreateOrder) -> InstanceId:
        """Send exactly one PUT immediately. Returns the id; raises OfferGone, CreateRefused or OutcomeUnknown."""

    def destroy(self, instance_id: InstanceId) -> None:
        """Delete the instance; succeeds if it no longer exists."""

    def start(self, instance_id: InstanceId) -> None:
        """Start a stopped instance. Raises StartRefused (its GPU is taken), Rejected, Gone or Transient."""

    def stop(self, instance_id: InstanceId) -> None:
        """Stop an instance, or cancel a queued start; idempotent. Raises Gone, Rejected or Transient."""

    def restart(self, instance_id: InstanceId) -> None:
        """Restart the container of a running instance; machine, disk and address stay. Raises as `stop`."""

    def date(self) -> float | None:
        """Return the Unix time of the provider's last valid reply plus the seconds since; None before the first one."""

    def logs(self, instance_id: InstanceId, tail: int) -> str:
        """Return the last lines of its container's log; best effort, raises CannotObserve if it is not available."""


class WebHost(Protocol):
    """Host of web services with environment variables. `platform` is how messages name it."""

    @property
    def platform(self) -> Platform: ...

    def service(self, target: str) -> WebService:
        """Return the service with that id or exact name. UsageError: none, several, or an invalid key."""

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        """Return all variables set on the service itself, from all pages; `HIDDEN` for a value that is not shown."""

    def read_groups(self, service: WebService) -> Mapping[str, str]:
        """Return the names of the variables from linked environment groups, each with the name of the group."""

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        """Set one variable and change no other. Does not deploy. Idempotent."""

    def delete_env(self, service_id: str, name: str) -> None:
        """Remove one variable; succeeds if it does not exist."""

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        """Return the most recently created deploy."""

    def deploy(self, service_id: str) -> WebDeploy | None:
        """Start a deploy that applies the environment without a build. None: accepted without an id (queued)."""

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        """Return one deploy by id."""

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        """Return the host's reason for a failed deploy and the last log lines. Best effort, never raises."""

    def instances(self, service_id: str) -> tuple[str, ...]:
        """Return the ids of the instances that run the service, in the host's order. Raises CannotObserve."""

    def logs(self, service: WebService, tail: int) -> tuple[LogLine, ...]:
        """Return the last lines of the service's log, at most 100, oldest first. Raises CannotObserve."""


class BackendProbe(Protocol):
    """Client of a backend, over TLS."""

    def probe(self, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        """Check identity, then health, on one authenticated connection. Never raises, never sends a key.

        `pinned` is the PEM verified earlier in this run, or empty. The calls below raise NeedsAttention for others.
        """

    def accepts(self, address: Address, certificate: str, key: Secret) -> bool:
        """Whether the backend with `certificate` accepts this key. Sends it to no other server."""

    def busy(self, address: Address, certificate: str, key: Secret) -> int:
        """Return the number of running or pending reports. Raises Transient if the backend does not report it."""

    def figures(self, address: Address, certificate: str, key: Secret) -> Figures:
        """Return its load, limits and last report, by its keyed routes. Raises Transient if it does not report them."""

    def keys_in_force(self, address: Address, certificate: str, boot_secret: Secret) -> tuple[int, tuple[str, ...]]:
        """Return how often the keys were set, and their SHA-256; empty if not reported. Rejected: not supported."""

    def set_keys(
        self, address: Address, certificate: str, boot_secret: Secret, generation: int, hashes: tuple[str, ...]
    ) -> None:
        """Replace the accepted keys by those with these SHA-256; idempotent.

        Raises StateConflict if keys were set in the meantime: `generation` must be above the current one. Raises
        Rejected if the backend denies it, Transient if the result is unknown.
        """

    def set_limits(self, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]) -> None:
        """Set idle stop, boot deadline and lifetime of the guard, in seconds; idempotent. Raises as `set_keys`."""


class AppProbe(Protocol):
    """Client of a web app."""

    def fingerprint(self, app_url: str, target: Target) -> str | None:
        """Return the configuration fingerprint that the running process reports; None if it reports none."""

    def fingerprints(self, app_url: str, target: Target, most: int) -> Mapping[str, str]:
        """Return the fingerprint of each instance reached by one of `most` requests, "" for none, by its id.

        Empty if the app does not report its id. Never raises.
        """

    def answer(self, app_url: str, target: Target) -> AppAnswer:
        """Return the response at the path of the fingerprint. Never raises."""


class TimeSource(Protocol):
    """Time of a run: the local clocks together with the provider's."""

    def moment(self) -> Moment:
        """Return one reading of the local clocks, with the provider's time if it is known."""


class Entropy(Protocol):
    """Source of unpredictable bytes."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""


class Audience(Protocol):
    """Receiver of the events of a run."""

    def tell(self, event: Event) -> None:
        """Show one event; must not raise."""

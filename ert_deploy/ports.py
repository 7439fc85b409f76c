"""The protocols the engine talks to: one per outside system, as narrow as the engine needs.

Every method either returns a complete, validated value or raises one of `ert_deploy.core.model.errors`:
reads that failed raise `CannotObserve` (they never return "none"), idempotent writes raise `Transient` after their
own retries, and what is refused in a complete answer raises `Rejected` or `Gone`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from ert_deploy.core.model.arming import refuse_unarmed
from ert_deploy.core.model.desired import Criteria, Launch, Target
from ert_deploy.core.model.events import Event
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health, Instance, Offer, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion

Turn: TypeAlias = Literal["create", "start"]  # calls that are written down before they are sent


@dataclass(frozen=True, slots=True)
class Account:
    """The GPU account: spendable credit in $, who it is, and its id. A key that may not read it: inf, "", `BY_KEY`."""

    credit: float
    email: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class WebService:
    """A web service as Render describes it. `suspended` says why, or is empty.

    `has_disk`: a deploy stops the old process before it starts the new one. `sleeps`: it is stopped when idle.
    `unreachable`: nothing answers at `url`, because that address is switched off. `preview_of` is the service
    that it is a preview of, or empty; `makes_previews`: its host copies it and its variables for pull requests.
    """

    id: str
    name: str
    url: str
    owner_id: str
    suspended: str = ""
    has_disk: bool = False
    sleeps: bool = False
    unreachable: bool = False
    preview_of: str = ""
    makes_previews: bool = False


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """What an app's health address answers: a status, 0 for no answer, and where a redirect leads."""

    status: int
    location: str = ""


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """One create call: an offer, what to run on it, and the marks it is born with.

    Raises Failed when its environment does not arm the guard: no machine is asked for that would not stop by itself.
    """

    offer_id: int
    launch: Launch
    mark: Mark
    env: Mapping[str, str]

    def __post_init__(self) -> None:
        refuse_unarmed(self.launch.guard, self.env)


class GpuHost(Protocol):
    """A market of rented GPU machines."""

    def account(self) -> Account:
        """The account behind the key. Raises UsageError when the key is refused."""

    def account_variables(self) -> tuple[str, ...] | None:
        """The names of what the account puts into every container's environment; None: the key may not read them."""

    def list_instances(self) -> tuple[Instance, ...]:
        """Every instance of the account, complete and validated; CannotObserve otherwise."""

    def get_instance(self, instance_id: int) -> Instance | None:
        """One instance, or None when a complete answer says that it does not exist."""

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        """Offers priced for the launch's disk. `wide` asks for GPU RAM only: a filter may hide offers that pass it."""

    def await_turn(self, turn: Turn) -> None:
        """Wait until the provider's rate limits let such a call through. Sends nothing."""

    def create(self, order: CreateOrder) -> int:
        """Exactly one PUT, at once. Returns the instance id; raises OfferGone, CreateRefused or OutcomeUnknown."""

    def destroy(self, instance_id: int) -> None:
        """Ask for its destruction; an instance that is already gone is success."""

    def start(self, instance_id: int) -> None:
        """Ask a stopped one to run again. Raises StartRefused (its GPU is taken), Rejected, Gone or Transient."""

    def stop(self, instance_id: int) -> None:
        """Ask it to stop, or cancel a start that is queued; it may be repeated. Raises Gone, Rejected or Transient."""

    def date(self) -> float | None:
        """The provider's own Unix time by its last good reply and the seconds since; None while none has said."""

    def logs(self, instance_id: int, tail: int) -> str:
        """The last lines of its container; best effort, CannotObserve when there are none to be had."""


class WebHost(Protocol):
    """A host of web services that run with an environment."""

    def service(self, target: str) -> WebService:
        """The service of that id (`srv-...`) or exact name. UsageError: none, several, or a refused key."""

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        """All variables set on the service itself, every page."""

    def read_groups(self, service: WebService) -> Mapping[str, str]:
        """The names a service gets from environment groups that are linked to it, each with its group's name."""

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        """Set one variable; never touches another. Does not deploy. Repeating it is harmless."""

    def delete_env(self, service_id: str, name: str) -> None:
        """Remove one variable; a missing one is success."""

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        """The most recently created deploy."""

    def deploy(self, service_id: str) -> WebDeploy | None:
        """Start a deploy that takes up the environment without a build. None: accepted without an id (queued)."""

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        """One deploy by id."""

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        """Why a deploy failed: the host's reason and the last log lines. Best effort, never raises."""


class BackendProbe(Protocol):
    """Looks at a backend from outside, over TLS."""

    def probe(self, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        """Identity first, then health, on one verified connection. Never raises, never sends a key.

        `pinned` is the PEM it has proven to this run, or empty. The calls below raise NeedsAttention for any other.
        """

    def accepts(self, address: Address, certificate: str, key: Secret) -> bool:
        """Whether the backend that owns `certificate` takes this key. Sends it to nobody else."""

    def busy(self, address: Address, certificate: str, key: Secret) -> int:
        """How many reports it is writing or has queued. Raises Transient when it does not say."""

    def keys_in_force(self, address: Address, certificate: str, boot_secret: Secret) -> tuple[int, tuple[str, ...]]:
        """How often its keys were set, and their SHA-256: none if it does not say. Rejected: it knows no such thing."""

    def set_keys(
        self, address: Address, certificate: str, boot_secret: Secret, generation: int, hashes: tuple[str, ...]
    ) -> None:
        """From now on it takes the keys with these SHA-256 and no other; repeating it is harmless.

        Raises StateConflict when keys were set in between: `generation` has to be above the one in force. Raises
        Rejected when it refuses, Transient when it may or may not have happened.
        """


class AppProbe(Protocol):
    """Looks at a web app from outside."""

    def fingerprint(self, app_url: str, target: Target) -> str | None:
        """The configuration fingerprint the running process reports; None when it reports none."""

    def answer(self, app_url: str, target: Target) -> AppAnswer:
        """How it answers where the fingerprint is asked for. Never raises."""


class StateStore(Protocol):
    """Keeps one deployment's state; every write is conditional on the generation that was read."""

    def load(self) -> State:
        """The stored state, or an empty one of generation 0. UsageError when damaged or newer."""

    def save(self, state: State) -> State:
        """Durably write `state` if the stored generation is still `state.generation`; returns it one higher.

        Raises StateConflict when it is not.
        """

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        """A courtesy to other operators, not a guarantee. Raises Busy with who and since when."""


class StateKeeper(StateStore, Protocol):
    """A store as a person looks after it. Raises what a store raises; Busy when somebody else holds the lock."""

    @property
    def where(self) -> str:
        """Where the state is, for people."""

    def hold(self, run_id: str, seconds: float) -> LockHolder:
        """Hold the lock for that long, also after this process has ended."""

    def holder(self) -> LockHolder | None:
        """Who holds the lock now, or None."""

    def unlock(self) -> LockHolder | None:
        """Take the lock away from whoever holds it; who that was."""

    def set_aside(self) -> str:
        """Move what is stored out of the way without reading it; where it went, or "" when there was nothing."""

    def history(self) -> tuple[StoredVersion, ...]:
        """The versions that are kept, newest first."""


class Clock(Protocol):
    """Time, and waiting for it."""

    def now(self) -> float:
        """Unix seconds, by a clock that may be set."""

    def steady(self) -> float:
        """Seconds since anywhere, by a clock that nobody can set and that goes on while the machine sleeps."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Entropy(Protocol):
    """Unpredictable bytes."""

    def token_bytes(self, count: int) -> bytes:
        """`count` bytes nobody can guess."""


class Audience(Protocol):
    """Whoever watches the run."""

    def tell(self, event: Event) -> None:
        """Show one event; must not raise."""

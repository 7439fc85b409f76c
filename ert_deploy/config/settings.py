"""Settings: the content of a config, with the desired deployment, the providers and the sources of their keys."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from ert_deploy.config.providers import Host, Provider
from ert_deploy.core.idle.guard import Choice
from ert_deploy.core.idle.hours import Window
from ert_deploy.core.idle.prices import WAIT_PRICE
from ert_deploy.core.ledger.policy import NO_BUDGET, Budget
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.verdict.starts import Policy

SANDBOX_WORLD = ".ert/sandbox"
STATE = "state"  # used instead of a provider for the key of the state
STATE_KEY = "ERT_STATE_KEY"
ALLOW_HOST = "ERT_ALLOW_PROVIDER_URL"  # additional hosts, apart from these and loopback, that may receive an API key
HERE = "{deployment}"  # placeholder of the deployment's name in the location of the state


@dataclass(frozen=True, slots=True)
class KeySource:
    """Source of one key: an environment variable, else a file. Never the key itself.

    `note` explains that the variable in the config was replaced and is not read; empty if it was not.
    """

    provider: str
    env: str
    file: Path | None = None
    note: str = ""

    @property
    def what(self) -> str:
        """The name of the key in messages."""
        return "state key" if self.provider == STATE else f"{self.provider} API key"


P_co = TypeVar("P_co", bound=Provider, covariant=True)


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[P_co]):
    """The chosen provider, the URL of its API and the source of its key."""

    provider: P_co
    url: str
    key: KeySource


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Directory of the sandbox on loopback, and how many times as fast as real time it runs."""

    world: Path = Path(SANDBOX_WORLD)
    speed: float = 20.0


CALL_TIMEOUT = 30.0  # real time in seconds for one call to a provider
PROVIDER_LAG = 120.0  # maximum time in provider seconds from sending a call until it takes effect
_SANDBOX_CALL = 60.0  # timeout of a create or start in sandbox time: the faster it runs, the less real time
_LEAST_CALL = 1.0


def call_timeout(speed: float) -> float:
    """Return the timeout of a create or start in real time, for a provider whose time runs at `speed`."""
    return CALL_TIMEOUT if speed == 1 else min(CALL_TIMEOUT, max(_LEAST_CALL, _SANDBOX_CALL / speed))


def least_settle(call_within: float, speed: float = 1.0) -> float:
    """Return the provider time after which no recorded call can take effect any more."""
    return call_within + call_timeout(speed) * speed + PROVIDER_LAG


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How Render builds and starts one service; the defaults are those of the ERT dashboard.

    None means the repository and branch that contain the file, the start command of the dashboard, and no database or
    key value store. `role`, one of `ROLES`: whether a process of the dashboard serves pages, writes reports, or both.
    """

    repo: str | None = None
    branch: str | None = None
    root: str = "images/dashboard"
    runtime: str = "python"
    build: str = "pip install -r requirements.txt"
    start: str | None = None
    region: str = "oregon"
    plan: str = "starter"
    trigger: str = "checksPass"
    database: str | None = None
    key_value: str | None = None
    instances: int = 1
    role: str = "all"


@dataclass(frozen=True, slots=True)
class AgentService:
    """Private service of the agent in a Blueprint; without a `name` there is none. The defaults are this repository.

    `beside` takes the place of a name, as the service of the dashboard, in which the agent is a second process.
    `database` is that of the state, which only the private network reaches, and the networks in `operators`.
    """

    name: str | None = None
    beside: str | None = None
    plan: str = "starter"
    repo: str | None = None
    branch: str | None = None
    root: str = "."
    build: str | None = None
    trigger: str = "checksPass"
    database: str = "ert-state"
    operators: tuple[str, ...] = ()


ROLES = ("all", "web", "worker")
CUSTODIES = ("app", "keyring", "file")


@dataclass(frozen=True, slots=True)
class Custody:
    """Where the keys of the apps are kept: `kind` is one of `CUSTODIES`, `folder` that of the files.

    `folder` may contain `{deployment}`; None is beside a local state.
    """

    kind: str = "app"
    folder: Path | None = None


NOTIFY_URLS = "ERT_NOTIFY_URLS"


@dataclass(frozen=True, slots=True)
class Notify:
    """Which notices are sent: `urls` is the variable with the addresses, never an address; not the kinds in `mute`."""

    urls: str = NOTIFY_URLS
    mute: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object in an S3 bucket."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class PostgresState:
    """A PostgreSQL database, whose URL with its password is in the environment variable."""

    variable: str


@dataclass(frozen=True, slots=True)
class Settings:
    """One config. With a sandbox, both URLs are empty until `addressed` sets those of the running sandbox.

    `state` may contain `{deployment}`, see `state_of`. `blueprints` have the order of the targets; `agent` is the
    agent's service. With a `state_key` the state must be signed; with None it is signed only if STATE_KEY is set.
    `external_ca` is the file with the certificate of an external server, None for the system's. `policy` limits
    what an agent does by itself, `budget` is what the deployment may cost, and `wait_price` what a minute of
    waiting counts for, in $. `idle` is what sets its idle limit, with
    the `windows` of a week in which it is to run, in `time_zone`. `early_starts` is what starts in advance may cost a
    day where they are not used, in $; 0 is none.
    """

    desired: Desired
    gpu: Endpoint[Provider]
    web: Endpoint[Host]
    state: Path | S3Object | PostgresState
    sandbox: SandboxSettings | None
    source: Path
    blueprints: tuple[Blueprint, ...] = ()
    agent: AgentService = AgentService()
    state_key: KeySource | None = None
    custody: Custody = Custody()
    notify: Notify = Notify()
    external_ca: Path | None = None
    policy: Policy = field(default_factory=Policy)
    budget: Budget = NO_BUDGET
    wait_price: float = WAIT_PRICE
    idle: Choice = Choice.FIXED
    early_starts: float = 0.0
    windows: tuple[Window, ...] = ()
    time_zone: str = "UTC"


def addressed(settings: Settings, *, gpu_url: str, web_url: str) -> Settings:
    """Return the settings with other provider URLs; an adapter tells the guard on the machine whom to ask."""
    return replace(settings, gpu=replace(settings.gpu, url=gpu_url), web=replace(settings.web, url=web_url))


def custody_folder(settings: Settings) -> Path:
    """Return the directory in which `keys/custody: file` keeps the keys of this deployment."""
    deployment = settings.desired.deployment
    place = settings.custody.folder or Path(".ert") / f"{HERE}.keys"
    return Path(str(place).replace(HERE, deployment))


def audit_folder(settings: Settings) -> Path:
    """Return the directory with the audit logs of destroyed machines: beside the state, else in that of a file."""
    place = state_of(settings, settings.desired.deployment)
    if isinstance(place, Path):
        return place.with_name(f"{place.name.removesuffix('.json')}.audit")
    return Path(".ert") / f"{settings.desired.deployment}.audit"


def state_of(settings: Settings, deployment: str) -> Path | S3Object | PostgresState | None:
    """Return where a deployment's state is; None for another deployment if the config has a fixed location."""
    place = settings.state
    if isinstance(place, PostgresState):
        return place
    if deployment != settings.desired.deployment and HERE not in (str(place) if isinstance(place, Path) else place.key):
        return None
    if isinstance(place, Path):
        return Path(str(place).replace(HERE, deployment))
    return replace(place, key=place.key.replace(HERE, deployment))

"""What a config comes to: the wanted deployment, and where and with which keys to get it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ert_deploy.core.model.desired import Desired

VAST_URL = "https://console.vast.ai"
RENDER_URL = "https://api.render.com/v1"
SANDBOX_WORLD = ".ert/sandbox"
STATE = "state"  # in place of a provider: the key that a state is signed with
STATE_KEY = "ERT_STATE_KEY"
ALLOW_HOST = "ERT_ALLOW_PROVIDER_URL"  # names the hosts besides these and loopback that may be sent a provider's key
VAST_KEY, RENDER_KEY = "VAST_API_KEY", "RENDER_API_KEY"
HERE = "{deployment}"  # stands for the deployment's name in the place of the state


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where one key is: an environment variable, else a file. Never the key itself.

    `note` says that the config names another variable, which is not read; empty where it does not.
    """

    provider: str
    env: str
    file: Path | None = None
    note: str = ""

    @property
    def what(self) -> str:
        """How messages call the key."""
        return "state key" if self.provider == STATE else f"{self.provider} API key"


@dataclass(frozen=True, slots=True)
class KeySources:
    """One source per provider."""

    vast: KeySource
    render: KeySource


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """The world on loopback: its folder, and how many provider seconds pass in one real second."""

    world: Path = Path(SANDBOX_WORLD)
    speed: float = 20.0


CALL_TIMEOUT = 30.0  # real seconds for one call to a provider
PROVIDER_LAG = 120.0  # provider seconds within which a call that was sent takes effect, if it does at all
_SANDBOX_CALL = 60.0  # the same of a sandbox: a fast one leaves less real time for a call that acts
_LEAST_CALL = 1.0


def call_timeout(speed: float) -> float:
    """Real seconds that a create or a start may take to be sent, in a world in which time runs that fast."""
    return CALL_TIMEOUT if speed == 1 else min(CALL_TIMEOUT, max(_LEAST_CALL, _SANDBOX_CALL / speed))


def least_settle(call_within: float, speed: float = 1.0) -> float:
    """Provider seconds after which nothing that was written down can take effect any more."""
    return call_within + call_timeout(speed) * speed + PROVIDER_LAG


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How Render builds and starts one service; the defaults are ERT's dashboard.

    None: the repository and branch the file is in, and the start command of the dashboard.
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


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object of a bucket."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Settings:
    """One config. With a sandbox, the two URLs are empty until `addressed` puts in those of a running world.

    `state` may hold `{deployment}`; `state_of` puts the name in. `blueprints` are in the order of the targets.
    `state_key`: the state has to be signed; None: it is where STATE_KEY is set.
    """

    desired: Desired
    vast_url: str
    render_url: str
    keys: KeySources
    state: Path | S3Object
    sandbox: SandboxSettings | None
    source: Path
    blueprints: tuple[Blueprint, ...] = ()
    state_key: KeySource | None = None


def addressed(settings: Settings, *, vast_url: str, render_url: str) -> Settings:
    """The same settings against other addresses, for ourselves and for the guard on the machine."""
    launch = replace(settings.desired.launch, vast_api=vast_url)
    desired = replace(settings.desired, launch=launch)
    return replace(settings, desired=desired, vast_url=vast_url, render_url=render_url)


def state_of(settings: Settings, deployment: str) -> Path | S3Object | None:
    """Where the state of a deployment is; None when this config keeps one place for its own deployment only."""
    place = settings.state
    if deployment != settings.desired.deployment and HERE not in (str(place) if isinstance(place, Path) else place.key):
        return None
    if isinstance(place, Path):
        return Path(str(place).replace(HERE, deployment))
    return replace(place, key=place.key.replace(HERE, deployment))

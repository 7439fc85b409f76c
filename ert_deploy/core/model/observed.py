"""What the world looks like: values that the adapters fill in and the decisions read.

An absent or unknown value is None, never a guess. Money in $, times in Unix seconds, sizes as named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.provider import SILENT, InstanceId, Notice
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import LONG_AGO, State
from ert_deploy.core.model.steps import Step


@dataclass(frozen=True, slots=True)
class Address:
    """Where one port of the container is reachable from outside."""

    ip: str
    port: int

    def url(self) -> str:
        """The https base URL."""
        return f"https://{self.ip}:{self.port}"


class Power(StrEnum):
    """Whether a machine runs, as its provider's adapter understands what the provider says.

    Starting: until its container runs. Exited: its container has ended by itself. Unknown: it is meant to run, and
    nobody can say that it does. Stopping and stopped: it is meant to be stopped; stopped for sure is the latter alone.
    """

    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Instance:
    """One rented (or stopped) instance as the provider lists it.

    `mark` is None unless both marks are there; `claims` is the deployment the label alone names and `label_token`
    its token; `born` is the mark in the environment alone, and `owner` what stands there as `ERT_OWNER`.
    `status` is what the provider calls its container's state: shown, and never read. `ended`: its container has run and
    runs no more, or nobody can say. `dph` is what it costs while it runs,
    `disk_dph` the part of it that is paid for the disk in any case, in $/h. `shell` is where its SSH server listens.
    `started` is when it was rented; a stop and a start do not change it.
    `bid`: it is interruptible, and runs again by itself after it was outbid.
    """

    id: InstanceId
    mark: Mark | None = None
    claims: str | None = None
    status: str | None = None
    power: Power = Power.STARTING
    ended: bool = False
    message: Notice = SILENT
    machine_id: str = ""
    gpu_name: str = ""
    geolocation: str = ""
    dph: float = 0.0
    disk_dph: float = 0.0
    bid: bool = False
    started: float | None = None
    address: Address | None = None
    shell: Address | None = None
    spec: str = ""
    key_hashes: tuple[str, ...] = ()
    boot_secret: Secret = field(default_factory=lambda: Secret(""))
    born: Mark | None = None
    owner: str = ""
    label_token: str = ""

    @property
    def halted(self) -> bool:
        """Whether it is meant to be stopped: by its own guard, by us, or in the console."""
        return self.power in (Power.STOPPING, Power.STOPPED)

    @property
    def resting(self) -> bool:
        """Whether it is stopped for sure, so that nothing but its disk is paid."""
        return self.power is Power.STOPPED


@dataclass(frozen=True, slots=True)
class Offer:
    """One rentable machine. Prices in $/h and $/GB, RAM in MB, network in Mb/s, duration in seconds.

    `cpu_arch` is empty where nobody says what it is.
    """

    id: str
    machine_id: str
    gpu_name: str
    gpu_ram_mb: float
    dph_total: float
    reliability: float
    inet_down: float
    inet_down_cost: float
    cuda: float
    ports: int
    duration: float
    disk_gb: float
    geolocation: str
    num_gpus: int = 1
    verified: bool = True
    rentable: bool = True
    datacenter: bool = False
    min_bid: float | None = None
    cpu_arch: str = "amd64"


class Vital(StrEnum):
    """What probing a backend came to."""

    UNREACHABLE = "unreachable"
    IMPOSTOR = "impostor"
    LOADING = "loading"
    SICK = "sick"
    HEALTHY = "healthy"


class OffSwitch(StrEnum):
    """What a backend knows of its own off-switch: whether the provider would take its order to stop it."""

    PROVEN = "proven"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """One probe of one backend over TLS. `completed` and `total` are bytes of the model download.

    `certificate` is the PEM that proved itself with the boot secret; it is None unless it did. `off_switch` is None
    where the backend does not tell: it may be an older one. `misconfigured`: it failed as it would on every machine.
    """

    vital: Vital
    detail: str = ""
    phase: str = ""
    completed: int = 0
    total: int = 0
    certificate: str | None = None
    model: str = ""
    engine: str = ""
    off_switch: OffSwitch | None = None
    misconfigured: bool = False

    def progress(self) -> str:
        """Changes whenever the boot gets further."""
        return f"{self.vital}:{self.phase}:{self.completed}"


class DeployKind(StrEnum):
    """What a deploy's status means for us; unknown statuses are in flight until the deadline."""

    IN_FLIGHT = "in flight"
    LIVE = "live"
    REPLACED = "replaced"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WebDeploy:
    """One deploy of a web service."""

    id: str
    status: str
    kind: DeployKind
    created: float


@quick_dataclass
class Publication:
    """One target as Render and the running app show it.

    `env` holds the owned variables that are set. `live_fingerprint` is what the running process reports, None when it
    reports none or could not be asked.
    """

    target: str
    service_id: str
    name: str
    app_url: str
    env: Mapping[str, Secret]
    live_fingerprint: str | None = None
    suspended: str = ""


@quick_dataclass
class Watch:
    """How one booting instance is getting on: since when its progress stands still, bad looks in a row, last look."""

    mark: str
    since: float
    strikes: int = 0
    seen: float = float("inf")


@quick_dataclass
class Observed:
    """Everything `plan` may look at. `publications` is None when Render was not (or could not be) read.

    `now` is this run's own time: it cannot be set, and it is compared with nothing but what this run has noted itself.
    `provider_now` is the provider's, None while it has told none, and `first_seen` says since when this run has known
    each time that is written in the state. `due` holds when a step is to be tried again that did not work before.

    `tries` counts how often this run tried in vain to see an instance gone. `made` are the keys this run has made, by
    instance; when it is `rotating`, such a key is to take the place of the one in use. `stopped` are the instances that
    took a stop from it. `unreplaceable`: this run found nothing that could take the place of what serves.
    """

    now: float
    instances: tuple[Instance, ...]
    state: State
    health: Mapping[InstanceId, Health] = field(default_factory=dict)
    watches: Mapping[InstanceId, Watch] = field(default_factory=dict)
    publications: tuple[Publication, ...] | None = None
    abandoned: frozenset[str] = frozenset()
    tries: Mapping[InstanceId, int] = field(default_factory=dict)
    made: Mapping[InstanceId, Secret] = field(default_factory=dict)
    rotating: bool = False
    stopped: frozenset[InstanceId] = frozenset()
    unreplaceable: bool = False
    provider_now: float | None = None
    first_seen: Mapping[tuple[str, float], float] = field(default_factory=dict)
    due: Mapping[Step, float] = field(default_factory=dict)

    def stamp(self) -> float:
        """The time of this look as it is written into the state."""
        return -self.now if self.provider_now is None else self.provider_now

    def age(self, whose: str, stamp: float, margin: float = 0.0) -> float:
        """Seconds since that time was written, at least: by the provider's clock, or for as long as we know of it."""
        known = self.now - self.first_seen.get((whose, stamp), self.now)
        if self.provider_now is None or stamp < LONG_AGO:
            return known
        return max(known, self.provider_now - stamp - margin)

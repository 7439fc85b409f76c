"""Actual state: values that the adapters return and the planner reads.

A missing or unknown value is None, never a guess. Money in $, times in Unix seconds, sizes as named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ert_deploy.core.model.boot.container import UNREAD, Container
from ert_deploy.core.model.boot.others import ALONE, Others
from ert_deploy.core.model.boot.watch import Watch
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.provider import SILENT, InstanceId, Notice
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import LONG_AGO, State
from ert_deploy.core.model.steps import Step


@dataclass(frozen=True, slots=True)
class Address:
    """Public address of one port of the container."""

    ip: str
    port: int

    def url(self) -> str:
        return f"https://{self.ip}:{self.port}"


class Power(StrEnum):
    """Whether a machine runs. Exited: its container came to its end by itself. Unknown: it is meant to run, and nobody
    can say that it does. Stopping and stopped: it is meant to be stopped; stopped for sure is the latter alone."""

    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"
    STOPPING = "stopping"
    STOPPED = "stopped"


HALTED = (Power.STOPPING, Power.STOPPED)


@quick_dataclass
class Instance:
    """One rented (or stopped) instance as the provider lists it.

    `mark` is set only if `label` and environment agree. `claims` is the deployment in `label` and `label_token` its
    token; `born` is the mark in the environment, `owner` that of `ERT_OWNER`, `agreed` the price of the rental in $/h,
    0 if unknown. `status` is the provider's name for the container's state: shown, never read. `ended`: its container
    has run and runs no more, or that is not known. `dph` is the price of the running instance, `disk_dph` the disk's
    part in any state, in $/h. `shell` is the SSH server. `started` is when it was rented, `ends` when its contract is
    over. `bid`: it runs again by itself after `outbid`, a stop by a bid that is too low. `container`: how it began.
    """

    id: InstanceId
    mark: Mark | None = None
    claims: str | None = None
    status: str | None = None
    power: Power = Power.STARTING
    ended: bool = False
    message: Notice = SILENT
    machine_id: str = ""
    host_id: str = ""
    gpu_name: str = ""
    geolocation: str = ""
    dph: float = 0.0
    disk_dph: float = 0.0
    bid: bool = False
    started: float | None = None
    ends: float | None = None
    address: Address | None = None
    shell: Address | None = None
    spec: str = ""
    key_hashes: tuple[str, ...] = ()
    boot_secret: Secret = field(default_factory=lambda: Secret(""))
    born: Mark | None = None
    owner: str = ""
    agreed: float = 0.0
    label_token: str = ""
    outbid: bool = False
    container: Container = UNREAD

    @property
    def halted(self) -> bool:
        """Whether it should be stopped, on request of its guard, a run or the user."""
        return self.power in HALTED

    @property
    def stopped(self) -> bool:
        """Whether it is known to be stopped, so that only the disk is billed."""
        return self.power is Power.STOPPED


@quick_dataclass
class Offer:
    """One machine to rent. Prices in $/h and $/GB, RAM in MB, network in Mb/s, duration in seconds.

    Empty if the provider does not report it: `cpu_arch`, `host_id` (the owner of the machine), `ip` (of its instances).
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
    host_id: str = ""
    ip: str = ""


class Vital(StrEnum):
    """Result of probing a backend."""

    UNREACHABLE = "unreachable"
    IMPOSTOR = "impostor"
    LOADING = "loading"
    UNHEALTHY = "unhealthy"
    HEALTHY = "healthy"


# Names, as a lookup in an enum takes longer than a call on Python 3.11.
UNREACHABLE, IMPOSTOR, LOADING, UNHEALTHY, HEALTHY = Vital


class OffSwitch(StrEnum):
    """Off-switch of a backend, by its own report: whether the provider accepts the request to stop it."""

    PROVEN = "proven"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@quick_dataclass
class Health:
    """One probe of one backend over TLS. `completed` and `total` are bytes of the model download.

    `certificate` is the PEM authenticated with the boot secret, else None. `off_switch` and `limits` (idle stop, boot
    deadline, lifetime, in seconds) are None where an older backend does not report them. `misconfigured`: on any host.
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
    limits: tuple[int, int, int] | None = None
    misconfigured: bool = False

    def progress(self) -> str:
        return self.vital + f":{self.phase}:{self.completed}"


class DeployKind(StrEnum):
    """Meaning of a deploy's status; unknown statuses are treated as in flight until the deadline."""

    IN_FLIGHT = "in flight"
    LIVE = "live"
    REPLACED = "replaced"
    FAILED = "failed"


@quick_dataclass
class WebDeploy:
    """One deploy of a web service."""

    id: str
    status: str
    kind: DeployKind
    created: float


@quick_dataclass
class Publication:
    """One target, as reported by its host and the running app.

    `env` has the owned variables that are set; `live_fingerprint` is None if the running process reports none.
    """

    target: str
    service_id: str
    name: str
    app_url: str
    env: Mapping[str, Secret]
    live_fingerprint: str | None = None
    suspended: str = ""


@quick_dataclass
class Observed:
    """Complete input of `plan`. `publications` is None if the web host was not (or could not be) read.

    `now` is the monotonic time of this run, `provider_now` the provider's or None. `first_seen` has when this run first
    read each time in the state, `due` the next retry of a failed step, `tries` how often a deletion was not confirmed.
    `made` has the keys created by it; with `rotating`, they replace the one in use. `stopped` accepted a stop from it,
    `services` (hashed) were read. No replacement: `unreplaceable`; no second one: `unhedged`. `removed`: never rented.
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
    unhedged: bool = False
    provider_now: float | None = None
    first_seen: Mapping[tuple[str, float], float] = field(default_factory=dict)
    due: Mapping[Step, float] = field(default_factory=dict)
    services: frozenset[str] = frozenset()
    others: Others = ALONE
    removed: bool = False

    def stamp(self) -> float:
        """Return the time of this observation as it is stored in the state."""
        return -self.now if self.provider_now is None else self.provider_now

    def age(self, whose: str, stamp: float, margin: float = 0.0) -> float:
        """Return the minimum age in seconds of a stored time, by the provider's clock or since it was first read."""
        known = self.now - self.first_seen.get((whose, stamp), self.now)
        if self.provider_now is None or stamp < LONG_AGO:
            return known
        return max(known, self.provider_now - stamp - margin)

"""What is wanted: one deployment, as its config describes it.

`Desired` is the whole input of a run besides what is observed. `up`, `sleep` and `down` differ in `phase` alone;
`wake` is `up` that begins nothing new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from ert_deploy.core.model.observed import Offer

PORT = 8443  # the one port the image publishes
USE_IN_PREVIEWS = "use"  # the value that lets a preview use the backend; without it the variable does not exist


class Phase(StrEnum):
    """What should be true when the run ends."""

    RUNNING = "running"
    ASLEEP = "asleep"
    ABSENT = "absent"


class Market(StrEnum):
    """How the GPU is rented."""

    ON_DEMAND = "on-demand"
    INTERRUPTIBLE = "interruptible"


@dataclass(frozen=True, slots=True)
class Guard:
    """The off-switch inside the container; seconds, 0 switches a rule off."""

    idle_stop: int = 1200
    boot_deadline: int = 2700
    max_lifetime: int = 43200


@dataclass(frozen=True, slots=True)
class ModelServer:
    """What serves the model inside the container, where it is not as the image has it; None: as the image has it.

    `command` starts a server other than Ollama; `digest` is the SHA-256 that the model's manifest must have; `parallel`
    is how many answers it may write at a time, `kv_type` how it keeps its context.
    """

    kind: str = "ollama"
    command: str | None = None
    digest: str | None = None
    temperature: float | None = None
    parallel: int = 1
    kv_type: str = "f16"

    def env(self) -> Mapping[str, str]:
        """What the container is told of it; nothing where all is as the image has it."""
        told = {
            "ERT_ENGINE": self.kind if self.kind != "ollama" else None,
            "ERT_ENGINE_CMD": self.command,
            "ERT_MODEL_DIGEST": self.digest,
            "ERT_TEMPERATURE": None if self.temperature is None else f"{self.temperature:g}",
            "OLLAMA_NUM_PARALLEL": str(self.parallel) if self.parallel != 1 else None,
            "OLLAMA_KV_CACHE_TYPE": self.kv_type if self.kv_type != "f16" else None,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Launch:
    """The container to run. Sizes in GB (10^9 bytes), bid in $/h. `debug_ssh`: a shell on it can be opened."""

    image: str
    model: str
    disk_gb: float = 40.0
    image_gb: float = 4.0
    model_gb: float = 13.8
    context: int = 16384
    guard: Guard = field(default_factory=Guard)
    market: Market = Market.ON_DEMAND
    bid: float | None = None
    vast_api: str = "https://console.vast.ai"
    debug_ssh: bool = False
    server: ModelServer = field(default_factory=ModelServer)

    def hourly(self, offer: Offer) -> float:
        """What a contract on this offer costs in $/h, disk included.

        The price in a search for bids is that of the least bid; the contract costs our bid and the disk.
        """
        over = (self.bid or 0.0) - (offer.min_bid or 0.0) if self.market is Market.INTERRUPTIBLE else 0.0
        return offer.dph_total + max(0.0, over)

    def spec(self) -> str:
        """16 hex digits that change when a running container would have to be replaced to match the config."""
        return _spec(self)


@cache
def _spec(launch: Launch) -> str:
    parts = {
        "image": launch.image,
        "model": launch.model,
        "disk": launch.disk_gb,
        "context": launch.context,
        "guard": [launch.guard.idle_stop, launch.guard.boot_deadline, launch.guard.max_lifetime],
        # Only where it is on: whoever never used it keeps the spec, and with it the machine, they have.
        **({"debug_ssh": True} if launch.debug_ssh else {}),
        **({"server": dict(launch.server.env())} if launch.server.env() else {}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Criteria:
    """What an offer must be. RAM in MB, network in Mb/s, prices in $/h and $/GB, duration in seconds."""

    max_dph: float
    min_gpu_ram_mb: int = 22500
    gpu_names: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    min_reliability: float = 0.98
    min_inet_down: float = 500.0
    max_inet_cost: float = 0.02
    min_cuda: float = 12.4
    min_ports: int = 4
    min_duration: float = 3 * 86400.0
    verified: bool = True
    datacenter: bool = False


@dataclass(frozen=True, slots=True)
class Timings:
    """How long to wait for what, in seconds. Sources: Vast's own host self-test and create timings.

    A started instance may be listed as stopped for `start_lag` and its container as exited for `wake_grace`; reports
    being written hold up `sleep` for `finish` at most. A create or start goes out within `call_within` of the moment it
    was written down, or not at all: `settle` counts from there.
    """

    poll: float = 10.0
    settle: float = 240.0
    call_within: float = 60.0
    no_progress: float = 300.0
    boot_limit: float = 2700.0
    drain: float = 75.0
    deploy_limit: float = 1800.0
    prove_limit: float = 300.0
    deny: float = 6 * 3600.0
    start_lag: float = 60.0
    wake_grace: float = 600.0
    finish: float = 600.0


@dataclass(frozen=True, slots=True)
class OwnedNames:
    """The names under which an app wants its configuration; the defaults are ERT's."""

    url: str = "ERT_LLM_BACKEND_URL"
    key: str = "ERT_LLM_API_KEY"
    certificate: str = "ERT_LLM_CA_CERT"
    timeout: str = "ERT_LLM_TIMEOUT"
    fingerprint: str = "ERT_LLM_CONFIG_FINGERPRINT"
    enabled: str = "REMOTE_LLM_INTEGRATION"
    previews: str = "ERT_LLM_PREVIEWS"
    disabled: tuple[str, ...] = ("OLLAMA_INTEGRATION", "OPENAI_INTEGRATION")

    def all(self) -> tuple[str, ...]:
        """Every name, in the order they are written; the fingerprint last."""
        switches = (self.previews, *self.disabled)
        return (self.enabled, self.url, self.key, self.timeout, self.certificate, *switches, self.fingerprint)


@dataclass(frozen=True, slots=True)
class Target:
    """A web service that is given the backend's address. `timeout` in seconds.

    `allow_downtime`: it may be deployed although that stops it for a while, as it does a service with a disk. `address`
    is where the app answers, None for the address its host gives it. `previews`: a preview may use the backend, as a
    copy of the service or as the service itself.
    """

    service: str
    names: OwnedNames = field(default_factory=OwnedNames)
    timeout: int = 180
    health_path: str = "/health"
    health_field: str = "fingerprint"
    allow_downtime: bool = False
    address: str | None = None
    previews: bool = False

    def reached_at(self, given: str) -> str:
        """Where the app answers; `given` is the address its host gives it."""
        return self.address or given


@dataclass(frozen=True, slots=True)
class Desired:
    """One deployment, wanted in one phase. `begin`: it may be made if there is no trace of it.

    `max_cost` is the most in $ that one run may rent for until something is healthy, None for no such limit.
    `apps_first`: on the way down the apps are told, and their requests may finish, before anything is destroyed.
    `owner` is the owner id of the config, `services` the hashes of those target ids that the config itself names, and
    `ignored` the instances that it declares not to be its business.
    """

    deployment: str
    phase: Phase
    launch: Launch
    criteria: Criteria
    targets: tuple[Target, ...]
    timings: Timings = field(default_factory=Timings)
    plan_hours: float = 2.0
    slots: int = 2
    attempts: int = 6
    max_cost: float | None = None
    begin: bool = True
    apps_first: bool = True
    owner: str = ""
    services: frozenset[str] = frozenset()
    ignored: frozenset[int] = frozenset()

    def container_env(
        self, token: str, key_sha256: str, boot_secret: str, offer: Offer | None = None, *, owner: str = ""
    ) -> Mapping[str, str]:
        """What the container is told at birth. The boot secret proves identity once; the key is only a hash.

        With the offer it also knows its card and its price in $/h, to show them: Vast tells a container neither.
        `owner` says whose it is.
        """
        known = {"ERT_OWNER": owner} if owner else {}
        if offer is not None:
            known |= {"ERT_GPU_NAME": offer.gpu_name, "ERT_GPU_PRICE_PER_HOUR": f"{self.launch.hourly(offer):.6g}"}
        return {
            **known,
            "ERT_DEPLOYMENT": self.deployment,
            "ERT_TOKEN": token,
            "ERT_SPEC": self.launch.spec(),
            "ERT_KEY_HASHES": key_sha256,
            "ERT_BOOT_SECRET": boot_secret,
            "ERT_MODEL": self.launch.model,
            "OLLAMA_CONTEXT_LENGTH": str(self.launch.context),
            "ERT_IDLE_STOP": str(self.launch.guard.idle_stop),
            "ERT_BOOT_DEADLINE": str(self.launch.guard.boot_deadline),
            "ERT_MAX_LIFETIME": str(self.launch.guard.max_lifetime),
            "ERT_VAST_API": self.launch.vast_api,
            **self.launch.server.env(),
            f"-p {PORT}:{PORT}": "1",
        }

"""Desired state: one deployment, as its config describes it.

`Desired` is the complete input of a run apart from the actual state. `up`, `sleep` and `down` have different values of
`phase` only; `wake` is `up` with `begin` set to False.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.app.target import USE_IN_PREVIEWS, OwnedNames, Target
from ert_deploy.core.model.boot.allowance import Allowance
from ert_deploy.core.model.boot.bid import market_bid
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.model_server import ExtraVariable, ModelServer
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.provider import ANY_PLATFORM, ORDINARY, Cloud, InstanceId, Platform
from ert_deploy.core.model.quick_dataclass import caching_dataclass
from ert_deploy.core.model.secret import Secret

__all__ = [
    "ABSENT", "ASLEEP", "INTERRUPTIBLE", "ON_DEMAND", "PORT", "RUNNING", "USE_IN_PREVIEWS", "Criteria", "Desired",
    "Guard", "Launch", "Market", "OwnedNames", "Phase", "Target", "Timings",
]  # fmt: skip

NO_VARIABLES: Mapping[str, str] = {}
PORT = 8443  # the one port the image publishes


class Phase(StrEnum):
    """Target state at the end of the run."""

    RUNNING = "running"
    ASLEEP = "asleep"
    ABSENT = "absent"


class Market(StrEnum):
    """How the GPU is rented."""

    ON_DEMAND = "on-demand"
    INTERRUPTIBLE = "interruptible"


RUNNING, ASLEEP, ABSENT = Phase  # names, as a lookup in an enum takes longer than a call on Python 3.11
ON_DEMAND, INTERRUPTIBLE = Market


@dataclass(frozen=True, slots=True)
class Guard:
    """Limits of the guard inside the container, in seconds; 0 disables a limit."""

    idle_stop: int = 1200
    boot_deadline: int = 2700
    max_lifetime: int = 43200


@caching_dataclass
class Launch:
    """The container to run. Sizes in GB (10^9 bytes), bid in $/h. `debug_ssh` enables a shell, `env` adds to it.

    `hedge` is the number of machines that may boot at a time. Without `bid`, an interruptible one costs the lowest bid
    and `bid_margin` of it, with the disk at most `bid_cap`; with `or_on_demand` it is on demand if none is possible.
    """

    image: str
    model: str
    disk_gb: float = 40.0
    image_gb: float = 4.0
    model_gb: float = 13.8
    context: int = 16384
    guard: Guard = field(default_factory=Guard)
    market: Market = ON_DEMAND
    bid: float | None = None
    bid_margin: float | None = None
    bid_cap: float = 0.0
    or_on_demand: bool = False
    debug_ssh: bool = False
    hedge: int = 1
    prefer: Prefer = Prefer.COST
    server: ModelServer = field(default_factory=ModelServer)
    env: tuple[ExtraVariable, ...] = ()

    def hourly(self, offer: Offer) -> float:
        """Return the price of this offer in $/h, disk included.

        A search for bids returns the price at the minimum bid; the actual price is our bid plus the disk.
        """
        over = (self.bid_on(offer) or 0.0) - (offer.min_bid or 0.0) if self.market is INTERRUPTIBLE else 0.0
        return offer.dph_total + max(0.0, over)

    def bid_on(self, offer: Offer) -> float | None:
        """Return the bid in $/h for this offer; None on demand, or if the market's lowest bid is not known."""
        if self.market is not INTERRUPTIBLE or self.bid is not None or self.bid_margin is None:
            return self.bid if self.market is INTERRUPTIBLE else None
        return market_bid(offer.min_bid, offer.dph_total, self.bid_margin, self.bid_cap)

    def on(self, offer: Offer) -> Launch:
        """Return the container to run on this offer, with the bid for it."""
        bid = self.bid_on(offer)
        return self if (bid, None) == (self.bid, self.bid_margin) else replace(self, bid=bid, bid_margin=None)

    def spec(self) -> str:
        """Return 16 hex digits that change when a running container has to be replaced to match the config."""
        return self._own_spec

    @cached_property
    def _own_spec(self) -> str:
        parts = {
            "image": self.image, "model": self.model, "disk": self.disk_gb, "context": self.context,
            "guard": [self.guard.idle_stop, self.guard.boot_deadline, self.guard.max_lifetime],
            # Added only if enabled, so that existing deployments keep their spec and are not replaced.
            **({"debug_ssh": True} if self.debug_ssh else {}),
            **({"server": dict(self.server.env())} if self.server.env() else {}),
            **({"env": {extra.name: extra.configured for extra in self.env}} if self.env else {}),
        }  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Criteria:
    """Requirements for an offer. RAM in MB, network in Mb/s, prices in $/h and $/GB, duration in seconds."""

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
    """Timeouts and delays in seconds. Sources: Vast's own host self-test and create timings.

    For `start_lag` after a start an instance may still be reported as stopped, and for `wake_grace` its container as
    exited. `sleep` waits at most `finish` for active reports. A create or start request is sent within `call_within` of
    the time it was stored, or not at all: `settle` starts at that time.
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
class Desired:
    """One deployment with its target `phase`. `begin`: it may be created if no trace of it exists.

    `max_cost` is the limit in $ for the rent of one run before the first ready backend, None for no limit. With
    `apps_first`, removing the deployment first updates the apps and lets their requests finish, then deletes instances.
    `owner` is the owner id of the config, `services` the hash of each target id that the config itself names, and
    `ignored` the instances that the config excludes. `cloud` is what the GPU provider can do, `platform`
    how messages name the web host. `wait_for_offer` are the seconds for which a run repeats a search without a match.
    With `external`, the apps use that server, nothing is rented, and every instance is removed. Without `publishes` the
    web host is not called: a stopped instance can be started, none is rented, and none that an app may use is removed.
    `allowance` is what is left of a budget, None without one. With `machine_secret`, keys are derived from tokens.
    `shortens_idle`: an agent may have given the guard a shorter idle limit than that of the config. `replicas` are to
    serve side by side, and `replica` is the number of this one; an agent keeps `awake` of them from stopping for want
    of use.
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
    ignored: frozenset[InstanceId] = frozenset()
    cloud: Cloud = ORDINARY
    wait_for_offer: float = 0.0
    platform: Platform = ANY_PLATFORM
    external: External | None = None
    publishes: bool = True
    allowance: Allowance | None = None
    machine_secret: Secret | None = None
    shortens_idle: bool = False
    replicas: int = 1
    replica: int = 1
    awake: int = 0

    def container_env(
        self,
        token: str,
        key_sha256: str,
        boot_secret: str,
        offer: Offer | None = None,
        *,
        owner: str = "",
        budget: Mapping[str, str] = NO_VARIABLES,
    ) -> Mapping[str, str]:
        """Return the environment of a new container. The boot secret proves identity once; the key is only a hash.

        With the offer, it includes the GPU name and the price in $/h to show them. `owner` is `ERT_OWNER`, `budget`
        what its guard needs to know of one, and of the apps.
        """
        known = {extra.name: extra.value for extra in self.launch.env} | ({"ERT_OWNER": owner} if owner else {})
        if offer is not None:
            known |= {"ERT_GPU_NAME": offer.gpu_name, "ERT_GPU_PRICE_PER_HOUR": f"{self.launch.hourly(offer):.6g}"}
        return {
            **known,
            **budget,
            **Mark(self.deployment, token).env(),
            "ERT_KEY_HASHES": key_sha256, "ERT_BOOT_SECRET": boot_secret,
            "ERT_SPEC": self.launch.spec(), "ERT_MODEL": self.launch.model,
            "OLLAMA_CONTEXT_LENGTH": str(self.launch.context),
            "ERT_IDLE_STOP": str(self.launch.guard.idle_stop),
            "ERT_BOOT_DEADLINE": str(self.launch.guard.boot_deadline),
            "ERT_MAX_LIFETIME": str(self.launch.guard.max_lifetime),
            **self.launch.server.env(),
        }  # fmt: skip

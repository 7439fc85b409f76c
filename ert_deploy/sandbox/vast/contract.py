"""A rented instance as the Vast double keeps it: what was ordered, where it stands, what it has cost.

Only values; what happens next is `lifecycle.py`, how it looks on the wire is `serialize.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ert_deploy.sandbox.vast.billing import Meter
from ert_deploy.sandbox.vast.market import Ask

PUBLISH = re.compile(r"^-p\s+(\d+):(\d+)(?:/(tcp|udp))?$")
IDENTITY_FROM = 70000  # ports from here on are mapped to the same number outside (Vast docs, networking)


class Phase(StrEnum):
    """Where an instance really is; `actual_status` shows it, sometimes late."""

    PROVISIONING = "provisioning"
    CREATED = "created"
    PULLING = "pulling"
    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    STOPPING = "stopping"
    STOPPED = "stopped"
    RESUMING = "resuming"
    REBOOTING = "rebooting"
    PULL_FAILED = "pull failed"
    BROKEN = "broken"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Order:
    """What the create call asked for. `env` holds plain variables and flag keys; `bid` in $/h, None = on-demand."""

    image: str
    env: Mapping[str, str]
    disk: float
    runtype: str
    label: str | None = None
    args: tuple[str, ...] = ()
    onstart: str | None = None
    bid: float | None = None

    def variables(self) -> dict[str, str]:
        """`env` without the flag keys."""
        return {name: value for name, value in self.env.items() if not name.startswith("-")}

    def published(self) -> tuple[str, ...]:
        """The container ports of `-p a:b` keys, as "8443/tcp", in order."""
        found = (PUBLISH.match(name.strip()) for name in self.env)
        return tuple(f"{match[2]}/{match[3] or 'tcp'}" for match in found if match)


@dataclass(slots=True)
class Contract:
    """One instance. `ports` maps "8443/tcp" to the external port; times are world seconds since 1970.

    `told_address` is what the container was told at its creation; `image_left` and `model_left` are GB to download.
    `clashes`: another rental of the same offer has its ports.
    """

    id: int
    ask: Ask
    order: Order
    key: str
    created: float
    ends: float
    label: str | None
    bid: float | None
    address: str
    told_address: str
    ports: dict[str, int]
    image_left: float
    model_left: float
    phase: Phase = Phase.PROVISIONING
    since: float = 0.0
    intended: str = "running"
    current: str = "running"
    message: str | None = None
    ran: bool = False
    queued: bool = False
    outbid: bool = False
    clashes: bool = False
    destroyed: float | None = None
    meter: Meter = field(default_factory=Meter)
    history: list[tuple[float, str | None]] = field(default_factory=list)

    @property
    def uses_gpu(self) -> bool:
        """Whether the contract holds its GPU."""
        return self.destroyed is None and self.current == "running"

    def enter(self, phase: Phase, at: float, message: str | None = None) -> None:
        """Go to a phase at a world time, with what `status_msg` says there."""
        self.phase, self.since, self.message = phase, at, message
        self.history.append((at, self.actual()))

    def actual(self) -> str | None:
        """`actual_status` without any lag."""
        if self.phase is Phase.STOPPED:
            return "exited" if self.ran else "created"
        return ACTUAL[self.phase]

    def gpu_rate(self) -> float:
        """$/h for the GPU: the bid, or the offer's price."""
        return self.ask.dph_base if self.bid is None else self.bid


ACTUAL: Mapping[Phase, str | None] = {
    Phase.PROVISIONING: None,
    Phase.CREATED: "created",
    Phase.PULLING: "loading",
    Phase.STARTING: "loading",
    Phase.RUNNING: "running",
    Phase.EXITED: "exited",
    Phase.STOPPING: "running",
    Phase.RESUMING: "exited",
    Phase.REBOOTING: "rebooting",
    Phase.PULL_FAILED: "loading",
    Phase.BROKEN: "created",
    Phase.OFFLINE: "offline",
}

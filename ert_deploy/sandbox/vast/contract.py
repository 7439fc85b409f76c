"""Contract: the order, state and bill of one rented instance. No I/O.

State changes are in `lifecycle.py`, the JSON format in `serialize.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ert_deploy.sandbox.vast.billing import Meter
from ert_deploy.sandbox.vast.market import Ask

PUBLISH = re.compile(r"^-p\s+(\d+):(\d+)(?:/(tcp|udp))?$")
IDENTITY_FROM = 70000  # from here on, the external port has the same number (Vast docs, networking)


class Phase(StrEnum):
    """The actual state of an instance; `actual_status` reports it, sometimes with a delay."""

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
    """The parameters of the create call. `env` contains variables and flag keys; `bid` in $/h, None = on-demand."""

    image: str
    env: Mapping[str, str]
    disk: float
    runtype: str
    label: str | None = None
    args: tuple[str, ...] = ()
    onstart: str | None = None
    bid: float | None = None
    login: str | None = None
    template_id: int | None = None
    template_hash_id: str | None = None

    def variables(self) -> dict[str, str]:
        """Return `env` without the flag keys."""
        return {name: value for name, value in self.env.items() if not name.startswith("-")}

    def published(self) -> tuple[str, ...]:
        """Return the container ports: those of `-p a:b` keys, such as "8443/tcp", in order, then those of the mode.

        Direct SSH adds port 22, direct Jupyter 8080 (Vast docs, connect).
        """
        found = (PUBLISH.match(name.strip()) for name in self.env)
        own = [f"{match[2]}/{match[3] or 'tcp'}" for match in found if match]
        direct = {"ssh_direc": "22/tcp", "jupyter_direc": "8080/tcp"}
        added = [port for mode, port in direct.items() if mode in self.runtype]
        return tuple(dict.fromkeys([*own, *added]))


@dataclass(slots=True)
class Increase:
    """A host's offer to prolong a contract `until` a time, at `rate` $/h from the end date so far (`starts`)."""

    id: int
    rate: float
    starts: float
    until: float
    created: float
    accepted: bool = False


@dataclass(slots=True)
class Contract:
    """One instance. `ports` maps "8443/tcp" to the external port; times are `WorldClock` time.

    `told_address` is the address in the container's environment, set at creation; `image_left` and `model_left` are the
    remaining bytes in GB. `clashes`: another instance on the same offer already uses its ports. `raised` is the price
    in $/h after an accepted increase; `ssh_keys` are the ids of the keys that were attached to it; `missed` counts the
    reads by id since it was destroyed.
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
    increase: Increase | None = None
    raised: float | None = None
    missed: int = 0
    ssh_keys: list[int] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)
    history: list[tuple[float, str | None]] = field(default_factory=list)

    @property
    def uses_gpu(self) -> bool:
        """Whether the instance occupies its GPU."""
        return self.destroyed is None and self.current == "running"

    def enter(self, phase: Phase, at: float, message: str | None = None) -> None:
        """Enter a phase at the given time, with `message` as the new `status_msg`."""
        self.phase, self.since, self.message = phase, at, message
        self.history.append((at, self.actual()))

    def actual(self) -> str | None:
        """Return `actual_status` without any delay."""
        if self.phase is Phase.STOPPED:
            return "exited" if self.ran else "created"
        return ACTUAL[self.phase]

    def gpu_rate(self) -> float:
        """Return the price of the GPU in $/h: the bid, the price that was accepted later, or that of the offer."""
        if self.bid is None and self.raised is not None:
            return self.raised
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

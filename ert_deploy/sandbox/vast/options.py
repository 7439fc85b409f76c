"""Options of the Vast server: credit, sizes, timing and behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ert_deploy.sandbox.runtime.loopback import off_loopback
from ert_deploy.sandbox.vast.conditions.knobs import Knobs


@dataclass(frozen=True, slots=True)
class Pace:
    """Time of each step in `WorldClock` seconds; the two `_grace` are real seconds, as a real process must exit."""

    # F1
    provision: float = 4.0
    # F2
    create: float = 2.0
    # F3
    boot: float = 6.0
    # F4
    resume: float = 15.0
    # F5
    stop: float = 4.0
    # F6
    reboot: float = 5.0
    # F7
    logs: float = 1.5
    # F8
    stop_grace: float = 10.0
    destroy_grace: float = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """`credit` in $, sizes in GB (10^9 bytes), `model_gb` by the value of the container's ERT_MODEL.

    `start_aftermath` is the effect of a rejected start: "reverts" (none) or "fires" (it starts as soon as the GPU is
    available). With `bad_hosts`, hosts fail according to their hidden quality, except for those that always work
    (`SENSIBLE_SURE` in `market`). `machine_env` is added to the environment of every machine; a remote host in it
    raises `ValueError`. `rate_limits` enables the limits in `auth.py`.
    `knobs` are the conditions of the market; by default it is steady.
    """

    # F9
    credit: float = 25.0
    # F10
    image_gb: float = 4.0
    model_gb: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"gpt-oss:20b": 13.8}))
    pace: Pace = field(default_factory=Pace)
    # F11
    start_aftermath: Literal["reverts", "fires"] = "reverts"
    # F12
    gone_shape: Literal["null", "404"] = "null"
    rate_limits: bool = True
    bad_hosts: bool = True
    knobs: Knobs = field(default_factory=Knobs)
    machine_env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    port: int = 0

    def __post_init__(self) -> None:
        if elsewhere := off_loopback(self.machine_env):
            raise ValueError(
                f"machine_env is not on loopback: {', '.join(elsewhere)}; hint: use an address on 127.0.0.1"
            )

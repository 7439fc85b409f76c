"""The settings of the Vast double: what an account has, how big things are, how long the provider takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ert_deploy.sandbox.runtime.loopback import off_loopback


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each step takes, in world seconds; `stop_grace` is real seconds, because a real process must end."""

    provision: float = 4.0
    create: float = 2.0
    boot: float = 6.0
    resume: float = 15.0
    stop: float = 4.0
    reboot: float = 5.0
    logs: float = 1.5
    stop_grace: float = 10.0
    destroy_grace: float = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """`credit` in $, sizes in GB (10^9 bytes), `model_gb` by the value of the container's ERT_MODEL.

    `start_aftermath` says what a refused start does next: "reverts" (nothing ever runs) or "fires" (it starts when the
    GPU is free). `bad_hosts` lets hosts fail at the rate their hidden quality implies; the cheapest sensible offers
    always work unless a trouble says otherwise. `machine_env` is added to the environment of every machine;
    ValueError when one of its values leads off loopback. `rate_limits` are those of `auth.py`.
    """

    credit: float = 25.0
    image_gb: float = 4.0
    model_gb: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"gpt-oss:20b": 13.8}))
    pace: Pace = field(default_factory=Pace)
    start_aftermath: Literal["reverts", "fires"] = "reverts"
    gone_shape: Literal["null", "404"] = "null"
    rate_limits: bool = True
    bad_hosts: bool = True
    machine_env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    port: int = 0

    def __post_init__(self) -> None:
        if elsewhere := off_loopback(self.machine_env):
            raise ValueError(
                f"machine_env leads off loopback: {', '.join(elsewhere)}; hint: use an address on 127.0.0.1"
            )

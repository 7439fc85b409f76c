"""JSON body of the deployment route, as types: the machine, its hardware and its cost. No I/O."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from ert_dashboard.backend import machine_view
from ert_dashboard.backend.readiness import BackendHealth

State = Literal["not_configured", "asleep", "booting", "waking", "ready", "draining", "failed", "unreachable", "gone"]


class Gpu(TypedDict):
    """One card, in MiB, percent and degrees Celsius; null is not known."""

    name: str | None
    memory_total_mb: float | None
    memory_used_mb: float | None
    utilization_percent: float | None
    temperature_c: float | None


class Progress(TypedDict):
    """Progress of a boot, in bytes."""

    phase: str | None
    completed: float | None
    total: float | None


class Queue(TypedDict):
    """The backend's queue."""

    depth: float | None
    active: float | None
    limit: float | None


class SpendPoint(TypedDict):
    """Estimate at a time."""

    at: str
    usd: float


class Spend(TypedDict):
    """Estimated cost in US dollars, in total and over time."""

    basis: Literal["uptime_times_price"]
    usd: float
    points: list[SpendPoint]


class BackendCounts(TypedDict):
    """Backends of a list: those that are up, and all."""

    up: int
    of: int


class ReportCounts(TypedDict):
    """Reports of this dashboard."""

    active: int
    waiting: int


class Wake(TypedDict):
    """Waking by the agent, in seconds, US dollars and a share of 1; null is not known.

    `automatic`: a report that waits is reason enough; `button`: visitors may request it; `wanted`: one did.
    `problem` is one line on why the machine is not being started.
    """

    automatic: bool
    button: bool
    wanted: bool
    phase: machine_view.Phase | None
    stage: machine_view.Step | None
    progress: float | None
    eta_p50_seconds: float | None
    eta_p95_seconds: float | None
    price_per_hour_usd: float | None
    cost_to_ready_usd: float | None
    reason: str
    problem: str | None


class MachineFigures(TypedDict):
    """Hardware and cost of the machine."""

    gpus: list[Gpu] | None
    gpu_name: str | None
    price_per_hour_usd: float | None
    clock_speed: float
    idle_seconds: float | None
    idle_stop_seconds: float | None
    total_reports: float | None
    spend: Spend | None


class MachineState(MachineFigures):
    """The machine; null is not known. `silent_since` is the time of its last response, null while there is one."""

    state: State
    detail: str
    checked_at: str
    silent_since: str | None
    backend: BackendHealth
    uptime_seconds: float | None
    progress: Progress | None
    queue: Queue | None


class Deployment(MachineState):
    """The machine as the status page shows it; null is not known.

    Of several `backends`, it is the first one that is up. `clock_speed` is the provider's seconds in a real one: 1, but
    in a sandbox. Costs go by it; idle and up times are in the provider's seconds already.
    """

    success: Literal[True]
    wake: Wake | None
    backends: BackendCounts | None
    reports: ReportCounts

"""JSON bodies of `/health` and the deployment route, as types: configuration, machine, hardware, cost. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from typing_extensions import TypedDict

from ert_dashboard.backend import fleet_costs, guard_word, machine_view
from ert_dashboard.backend.readiness import BackendHealth
from ert_dashboard.base.clock import iso
from ert_dashboard.base.owned import Configuration

State = Literal["not_configured", "asleep", "booting", "waking", "ready", "draining", "failed", "unreachable", "gone"]
LoginKind = Literal["password", "proxy", "none"]


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
    """Several backends: those that are up, and all."""

    up: int
    of: int


class MachineCost(TypedDict):
    """One of several machines: whether it is up, its price while it is, and its spend; null is not known."""

    up: bool
    price_per_hour_usd: float | None
    spend_usd: float | None


class Together(TypedDict):
    """Several machines: the price of those that are up, the spend of all, and each; null is not known."""

    price_per_hour_usd: float | None
    spend: Spend | None
    each: list[MachineCost]


def together(costs: Sequence[fleet_costs.Cost]) -> Together:
    """Return the sum of several machines."""
    line, price = fleet_costs.together(costs), fleet_costs.price_now(costs)
    each: list[MachineCost] = [{"up": one.up, "price_per_hour_usd": one.price, "spend_usd": one.spent} for one in costs]
    return {"price_per_hour_usd": price, "spend": None if line is None else spend(line), "each": each}


def spend(line: Sequence[tuple[float, float]]) -> Spend:
    """Return the field of points (Unix time, USD until then)."""
    points: list[SpendPoint] = [{"at": iso(at), "usd": round(usd, 6)} for at, usd in line]
    return {"basis": "uptime_times_price", "usd": points[-1]["usd"] if points else 0.0, "points": points}


class LeftOut(TypedDict, total=False):
    """Sets of the deployer's variables that cannot be used while another one is, a line each; else it is not there."""

    left_out: list[str]


def left_out(lines: Sequence[str]) -> LeftOut:
    """Return the field, where there is a line."""
    return {"left_out": list(lines)} if lines else {}


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


class Ended(TypedDict):
    """What the guard did with its machine, and why; `seconds` is the limit that was reached."""

    state: guard_word.State
    reason: guard_word.Reason
    seconds: float | None
    at: str


def ended(word: guard_word.GuardWord | None) -> Ended | None:
    """Return the field of a last message; None without one."""
    if word is None:
        return None
    return {"state": word.state, "reason": word.reason, "seconds": word.seconds, "at": iso(word.at)}


class MachineState(MachineFigures):
    """The machine; null is not known. `silent_since` is the time of its last response, null while there is one.

    `ended` is the last message of its guard while it is silent, null where there was none, or the agent's is another.
    """

    state: State
    detail: str
    checked_at: str
    silent_since: str | None
    ended: Ended | None
    backend: BackendHealth
    uptime_seconds: float | None
    progress: Progress | None
    queue: Queue | None


class Deployment(MachineState, LeftOut):
    """The machine as the status page shows it; null is not known.

    Of several `backends`, it is the first one that is up. `clock_speed` is the provider's seconds in a real one: 1, but
    in a sandbox. Costs go by it; idle and up times are in the provider's seconds already.
    """

    success: Literal[True]
    wake: Wake | None
    backends: BackendCounts | None
    together: Together | None
    reports: ReportCounts


class Numbered(TypedDict, total=False):
    """Fingerprints of further sets of the deployer's variables: of each that is used, or that is withdrawn."""

    fingerprint_2: str
    fingerprint_3: str
    fingerprint_4: str
    fingerprint_5: str
    fingerprint_6: str
    fingerprint_7: str
    fingerprint_8: str


def numbered(fingerprints: Mapping[int, str]) -> Numbered:
    """Return the fields of these sets."""
    return cast(Numbered, {f"fingerprint_{number}": found for number, found in sorted(fingerprints.items())})


class Features(TypedDict):
    """What this dashboard is set up to do."""

    remote_llm: bool
    ollama: bool
    openai: bool
    live_updates: bool
    market_data: str
    login: LoginKind


class Health(Numbered, LeftOut):
    """Liveness and configuration of the process; never depends on the backend.

    `forgets`: reports that the next deploy deletes, if any does; `shared`: other processes may serve beside this one.
    `backends`: how many of several are up, as they were found last.
    """

    status: Literal["healthy"]
    timestamp: str
    version: str
    fingerprint: str | None
    instance: str | None
    configuration: Configuration
    active_reports: int
    queue_size: int
    forgets: int | None
    shared: bool
    backends: BackendCounts | None
    features: Features


class WorkersHealth(Numbered):
    """Number of the workers, the fingerprints of their configuration that all have, and the instance of one."""

    workers: int
    fingerprint: str | None
    instance: str | None

"""JSON bodies of the routes other than chat and the report itself, as types: mypy holds the code to them. No I/O.

`ci.openapi` writes the OpenAPI document from them.
"""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from ert_backend.api.report_body import Report
from ert_backend.engine.gpu import Card
from ert_backend.reports.job import Status
from ert_backend.terms import Shown


class FieldProblem(TypedDict):
    """A field that is missing or not acceptable. Its value is not repeated."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(TypedDict):
    """Refusal or failure; a list when fields of the request are not acceptable."""

    detail: str | list[FieldProblem]


class Endpoints(TypedDict):
    """Paths of the main routes."""

    health: str
    status: str
    generate_report: str
    reports: str


class ServiceCard(TypedDict):
    """What runs here."""

    service: str
    model: str
    status: Literal["online"]
    endpoints: Endpoints


class Progress(TypedDict):
    """Progress of the bring-up, in bytes; `misconfigured` when no retry helps."""

    phase: str
    completed: int
    total: int
    detail: str
    misconfigured: NotRequired[Literal[True]]


class GuardLimits(TypedDict):
    """Limits after which the machine stops itself, in money seconds; 0 disables one."""

    idle_stop: int
    boot_deadline: int
    max_lifetime: int


class GuardBudget(TypedDict):
    """For how many money seconds the machine may run from the change with this number on."""

    seconds: int
    serial: int


class Health(TypedDict):
    """Health of the service; `progress` unless it is healthy. `uptime` is in seconds.

    `limits` are those of the off-switch: a machine that reports them takes others through `PUT /admin/limits`.
    """

    status: Literal["healthy", "loading", "degraded", "sick"]
    model: str
    ollama_status: Literal["online", "offline"]
    uptime: float
    engine: str
    off_switch: str
    version: str
    timestamp: str
    limits: NotRequired[GuardLimits]
    sandbox: NotRequired[Literal[True]]
    progress: NotRequired[Progress]


class Identity(TypedDict):
    """Proof that the certificate of this connection belongs to the machine that was rented."""

    deployment: str
    token: str
    spec: str
    cert_sha256: str
    proof: str


class Queue(TypedDict):
    """Waiting and active reports."""

    depth: int
    active: int
    limit: int


class LastReport(TypedDict):
    """The last finished report of this process; `error` is null for one that was written."""

    status: Status
    error: str | None
    seconds_ago: float


class MachineStatus(Health, Shown):
    """Health, price and idle stop, queue, engine and GPU; null is not known. Times are in seconds, sizes in bytes.

    `slots` is the number of answers that the engine writes at once, `report_slots` that of reports.
    """

    queue: Queue
    gpu: list[Card] | None
    idle_seconds: float
    woken: bool
    claimed: bool
    claim_kept: bool
    engine_restarts: int
    draining: bool
    model_digest: str | None
    model_size: int | None
    model_size_vram: int | None
    context_length: int | None
    tokens_per_s: float | None
    tokens_per_s_by_slots: dict[str, float]
    slots: int | None
    report_slots: int
    tokens_per_s_floor: float | None
    total_reports: int
    last_report: LastReport | None
    active_requests: int


class ReportJob(TypedDict):
    """A report in the queue or after it; `position` from 1 while it waits, `events` is the path of its events."""

    id: str
    status: Status
    ticker: str
    position: int
    created_at: str
    last_event: int
    events: str
    result: Report | None
    error: str | None
    retryable: bool


class AcceptedKey(TypedDict):
    """A key by its hash; `idle_seconds` since its last use, null when it was not used since the start."""

    id: str
    sha256: str
    idle_seconds: float | None


class Keys(TypedDict):
    """The accepted keys; `generation` grows with every change."""

    generation: int
    keys: list[AcceptedKey]


class AuditHead(TypedDict):
    """Count and hash of the audit log, records that the disk did not take, and the newest lines, oldest first."""

    records: int
    head: str
    failures: int
    newest: list[str]


class Queued(TypedDict):
    """Event `queued`: the place in the queue, from 1."""

    position: int


class Started(TypedDict):
    """Event `started` or `cancelled`."""


class SectionStarted(TypedDict):
    """Event `section_started`."""

    section: str
    index: int
    of: int


class SectionDone(SectionStarted):
    """Event `section`: its Markdown."""

    text: str


class Tokens(TypedDict):
    """Event `progress`: the tokens of a section so far."""

    section: str
    tokens: int


class ReportDone(TypedDict):
    """Event `done`."""

    report_id: str


class Failed(TypedDict):
    """Event `failed` or `draining`: a retryable report may be asked for again, elsewhere too."""

    detail: str
    retryable: bool

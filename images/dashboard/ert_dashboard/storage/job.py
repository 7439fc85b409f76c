"""Report jobs: the immutable `Job`, its statuses, and its summary for clients. No I/O."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import TypedDict

from ert_dashboard.base.clock import iso, iso_if_known

DEFAULT_SECTIONS = (
    "executive_summary",
    "financial_analysis",
    "investment_thesis",
    "valuation_analysis",
    "risk_analysis",
)


class Status(enum.StrEnum):
    """Status of a job, with the values that ERT uses."""

    QUEUED = "queued"
    FETCHING = "fetching_data"
    PREPARING = "preparing_data"
    GENERATING = "generating_sections"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTING = "aborting"
    ABORTED = "aborted"


class ReportData(TypedDict):
    """One report in lists and events. Times are ISO 8601 in UTC; `progress` is in percent.

    `cost_usd` is its share of the machine's time: all of it once it is finished, and before what earlier attempts took.
    """

    report_id: str
    ticker: str
    company: str
    data_label: str
    status: Status
    progress: int
    current_section: str
    queue_position: int | None
    sections_done: int
    sections_total: int
    created: str
    start_time: str | None
    accepted_time: str | None
    writing_since: str | None
    estimated_completion: str | None
    finished: str | None
    error_message: str | None
    word_count: int | None
    cost_usd: float | None
    report_path: str | None
    abort_requested: bool


KEPT = "kept_sections"  # in `request`: the sections that a resumed report has already; not sent to the backend
NOBODY = ""  # the owner of a job that waits in the queue
FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.ABORTED})


@dataclass(frozen=True)
class Job:
    """One report. Times are Unix seconds; `request` is the body sent to the backend, `result` the response.

    `request_key` is the idempotency key of the visitor's request, if it had one. `backend` is the name of the machine
    that last had the report, and `moves` counts those that left it unfinished; None is 0. `writing_since` is when that
    machine began to write, and `cost` what the report has cost in US dollars, until it is finished without that; None
    if it is not known.
    """

    report_id: str
    ticker: str
    company: str
    label: str
    created: float
    owner: str
    status: Status = Status.QUEUED
    progress: int = 0
    detail: str = ""
    position: int | None = None
    sections_done: int = 0
    sections_total: int = len(DEFAULT_SECTIONS)
    started: float | None = None
    accepted: float | None = None
    finished: float | None = None
    error: str | None = None
    abort_requested: bool = False
    last_event: str | None = None
    word_count: int | None = None
    request_key: str | None = None
    backend: str | None = None
    moves: int | None = None
    writing_since: float | None = None
    cost: float | None = None
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)
    result: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def over(self) -> bool:
        return self.status in FINISHED

    @property
    def kept(self) -> Mapping[str, str]:
        """Return the sections of the report that this one resumes."""
        return self.request.get(KEPT) or {}

    @property
    def sent(self) -> dict[str, Any]:
        """Return the body of the request to the backend."""
        return {name: value for name, value in self.request.items() if name != KEPT}

    @property
    def sent_id(self) -> str:
        """Return the id at the backend: another one after each move, as the request is then another one."""
        return f"{self.report_id}-m{self.moves}" if self.moves else self.report_id

    @property
    def filename(self) -> str:
        return f"{self.report_id}.md"


def writing_progress(sections_done: int, sections_total: int) -> int:
    """Return the progress in percent while sections are generated: 15 at the start, 95 for all sections."""
    share = min(1.0, sections_done / max(1, sections_total))
    return 15 + round(80 * share)


def summary(job: Job, *, typical_s: float | None = None, ahead: int | None = None) -> ReportData:
    """Build the `data` object of ERT's `report_update`, with additional fields.

    `typical_s` is the usual duration in seconds, for `estimated_completion`; `ahead` is the queue position.
    """
    expected = job.started + typical_s if job.started and typical_s and not job.over else None
    return {
        "report_id": job.report_id,
        "ticker": job.ticker,
        "company": job.company,
        "data_label": job.label,
        "status": job.status,
        "progress": job.progress,
        "current_section": job.detail,
        "queue_position": ahead if job.status is Status.QUEUED else job.position,
        "sections_done": job.sections_done,
        "sections_total": job.sections_total,
        "created": iso(job.created),
        "start_time": iso_if_known(job.started),
        "accepted_time": iso_if_known(job.accepted),
        "writing_since": iso_if_known(job.writing_since),
        "estimated_completion": iso_if_known(expected),
        "finished": iso_if_known(job.finished),
        "error_message": job.error,
        "word_count": job.word_count,
        "cost_usd": None if job.cost is None else round(job.cost, 6),
        "report_path": f"/reports/{job.filename}" if job.result is not None else None,
        "abort_requested": job.abort_requested,
    }

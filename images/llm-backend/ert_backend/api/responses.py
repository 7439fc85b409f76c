"""Response bodies, and the mapping of queue errors to responses. No body repeats the client's input."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal, cast

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ert_backend import VERSION
from ert_backend.api.bodies import FieldProblem, GuardLimits, Health, LastReport, Progress, ReportJob
from ert_backend.api.report_body import Report
from ert_backend.base.clock import boot_seconds, iso_now
from ert_backend.base.http_error import refusal_body
from ert_backend.base.limits import Limits
from ert_backend.base.report_request import ReportRequest
from ert_backend.engine.bring_up import BringUp, Phase
from ert_backend.reports.job import Conflict, Draining, Job, QueueFull, Status
from ert_backend.reports.jobs import Jobs
from ert_backend.service import Service

RETRY_LOADING = 15
RETRY_DRAINING = 30
# The number of validation errors that are listed for one body.
MOST_PROBLEMS = 100
HANGS = "the engine produces no output, and restarting it did not help"


def health(service: Service) -> Health:
    """Return the body of `/health`, without a request to the engine."""
    state, guard = service.state, service.ledger.guard()
    sick = state.sick or guard.engine_sick
    unready: Literal["sick", "degraded", "loading"] = "sick" if sick else "degraded" if state.was_ready else "loading"
    well = state.ready and not sick
    body: Health = {
        "status": "healthy" if well else unready,
        "model": state.model or state.wanted,
        "ollama_status": "online" if state.version and state.phase is not Phase.STARTING else "offline",
        "uptime": round(boot_seconds() - service.started, 3),
        "engine": state.engine,
        "off_switch": guard.off_switch.value,
        "version": VERSION,
        "timestamp": iso_now(),
    }
    if (limits := service.settings.terms.limits(service.ledger.record.limits())) is not None:
        body["limits"] = describe_limits(limits)
    if state.sandbox:
        body["sandbox"] = True
    if not well:
        body["progress"] = _progress(state, hangs=guard.engine_sick)
    return body


def describe_limits(limits: Limits) -> GuardLimits:
    """Return the limits of the off-switch as JSON, in money seconds."""
    return {
        "idle_stop": limits.idle_stop,
        "boot_deadline": limits.boot_deadline,
        "max_lifetime": limits.max_lifetime,
    }


def _progress(state: BringUp, *, hangs: bool) -> Progress:
    found: Progress = {
        "phase": Phase.FAILED.value if hangs else state.phase.value,
        "completed": state.completed,
        "total": state.total,
        "detail": HANGS if hangs else state.detail,
    }
    if state.misconfigured:
        found["misconfigured"] = True
    return found


def describe(jobs: Jobs, job: Job) -> ReportJob:
    """Return a job as JSON."""
    return {
        "id": job.id,
        "status": job.status,
        "ticker": job.request.ticker,
        "position": jobs.position(job),
        "created_at": job.created,
        "last_event": job.events[-1].id if job.events else 0,
        "events": f"/reports/{job.id}/events",
        "result": cast("Report | None", job.result),
        "error": job.error,
        "retryable": job.retryable,
    }


def last_report(jobs: Jobs) -> LastReport | None:
    """Return how the last finished report went: not one that was cancelled, handed back, or refused."""
    finished = [(job.finished_at, job) for job in jobs.jobs.values() if job.finished_at is not None and _counts(job)]
    if not finished:
        return None
    at, job = max(finished, key=lambda row: row[0])
    return {"status": job.status, "error": job.error, "seconds_ago": round(boot_seconds() - at, 3)}


def _counts(job: Job) -> bool:
    """Whether the end of a job is evidence about this machine."""
    if job.status is Status.FAILED:
        return not job.refused and job.error is not None
    return job.status is Status.DONE


def handed_over(jobs: Jobs, job: Job) -> ReportJob:
    """Return a job as JSON to a client that requested it by id. A finished job counts as collected then."""
    job.collected = job.collected or job.done.is_set()
    return describe(jobs, job)


def known(jobs: Jobs, job_id: str) -> Job:
    """Return the job with that id; raise HTTPException 404 when there is none (any more)."""
    job = jobs.jobs.get(job_id)
    if job is None:
        raise HTTPException(404, "No such report")
    return job


@contextlib.contextmanager
def refusals(service: Service, known_id: str | None = None) -> Iterator[None]:
    """Map errors of the queue to HTTPException. A job that is already known is served in every state."""
    if not service.state.ready and known_id not in service.jobs.jobs:
        raise HTTPException(503, "The model is not ready yet", {"Retry-After": str(RETRY_LOADING)})
    try:
        yield
    except Conflict:
        raise HTTPException(409, "This id belongs to another request") from None
    except QueueFull as full:
        raise HTTPException(429, "The queue is full", {"Retry-After": str(full.after)}) from None
    except Draining:
        raise HTTPException(503, "This machine is about to stop", {"Retry-After": str(RETRY_DRAINING)}) from None


def failed(jobs: Jobs, job: Job) -> JSONResponse:
    """Return the response for a failed report: 422 for an invalid request, 503 if a retry helps, otherwise 500."""
    detail = {"detail": job.error or f"The report was {job.status.value}"}
    if job.refused:
        return JSONResponse(detail, 422)
    if job.status is Status.FAILED and not job.retryable:
        return JSONResponse(detail, 500)
    after = RETRY_DRAINING if jobs.draining else RETRY_LOADING
    return JSONResponse(detail, 503, {"Retry-After": str(after)})


async def refused(request: Request, error: Exception) -> JSONResponse:
    """Return an HTTP error in the format that clients of its path expect."""
    assert isinstance(error, HTTPException)
    status, body = refusal_body(request.url.path, error.status_code, error.detail)
    return JSONResponse(body, status, error.headers)


async def invalid(_: Request, error: Exception) -> JSONResponse:
    """Return 422 with the places and the reasons, without any of the submitted values."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    named: list[FieldProblem] = [
        {"loc": _place(problem["loc"]), "msg": _reason(problem["type"]), "type": problem["type"]}
        for problem in problems[:MOST_PROBLEMS]
    ]
    return JSONResponse({"detail": named}, 422)


def _place(loc: Any) -> list[str | int]:
    """Return the path of known field names and list positions; a name that the client made up is left out."""
    ours = {"body", "query", "path", "nonce", "id", "generation", "hashes", *ReportRequest.model_fields}
    return [part for part in loc if part in ours or isinstance(part, int)]


def _reason(kind: str) -> str:
    reasons = {"missing": "is required", "string_pattern_mismatch": "has a form that is not accepted"}
    return reasons.get(kind, f"is not acceptable ({kind})")

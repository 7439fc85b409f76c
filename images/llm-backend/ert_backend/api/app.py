"""HTTP service: the routes and their responses. The logic is elsewhere; access is checked by `edge.middleware`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse

from ert_backend.api import admin
from ert_backend.api.bodies import Endpoints, Identity, MachineStatus, ServiceCard
from ert_backend.api.chat import chat_routes
from ert_backend.api.events import attended, first_of, follow, last_seen
from ert_backend.api.operations import NONCE, serves
from ert_backend.api.responses import failed, handed_over, health, invalid, known, last_report, refusals, refused
from ert_backend.base import metrics
from ert_backend.base.report_request import JobRequest, ReportRequest
from ert_backend.edge.identity import proof
from ert_backend.edge.middleware import Bounds, FrontDoor
from ert_backend.edge.protocol import STATE_IDENTITY
from ert_backend.engine import gpu
from ert_backend.engine.bring_up import Pace, keep_up
from ert_backend.engine.pulse import keep_telling
from ert_backend.engine.smoke_test import Standards
from ert_backend.reports.job import AT_ONCE
from ert_backend.service import Service
from ert_backend.settings import Settings


def build(service: Service, pace: Pace | None = None) -> FrontDoor:
    """Build the ASGI application: the routes behind the access checks. `pace` is the timing of the bring-up."""
    settings, audit = service.settings, service.witness.audit
    pace = pace or Pace(pull_stall=settings.pull_stall)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        standards = Standards(
            settings.context,
            settings.min_gpu_share,
            settings.min_speed,
            gpu.names,
            settings.engine_slots,
            settings.probe_slots,
        )
        bring_up = keep_up(service.state, service.engine, pace, lambda: _ready(service), standards)
        telling = keep_telling(service.state, service.engine, service.pulse, service.ledger)
        tasks = [asyncio.create_task(work) for work in (bring_up, service.jobs.work(), telling)]
        audit.record("-", "service", "started")
        try:
            yield
        finally:
            audit.record("-", "service", "stopped")
            audit.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.writer.close()

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        title="ERT LLM Backend",
    )
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    _open_routes(app, service)
    _report_routes(app, service)
    chat_routes(app, service)
    admin.routes(app, service.gate.keys, audit, service.ledger)
    keys, ledger = service.gate.keys, service.ledger
    return FrontDoor(app, service.gate, _bounds(settings), service.witness, lambda: ledger.claim(keys.word_keys()))


def _ready(service: Service) -> None:
    """Apply the number of slots that the smoke test found, and notify the guard that the model is ready."""
    if service.state.finding is not None:
        service.turns.slots = service.state.finding.slots
    service.ledger.ready()


def _bounds(settings: Settings) -> Bounds:
    """Return the request limits. A queued report may have to wait for every report before it to take its full time."""
    whole_queue = (settings.queue_limit + 1) * settings.report_deadline + settings.answer_deadline
    return Bounds(settings.max_body, settings.body_deadline, settings.answer_deadline, whole_queue)


def _open_routes(app: FastAPI, service: Service) -> None:
    @serves(app, "GET", "/")
    async def card() -> Mapping[str, object]:
        endpoints: Endpoints = {
            "health": "/health",
            "status": "/status",
            "generate_report": "/generate_report",
            "reports": "/reports",
        }
        name = service.state.model or service.state.wanted
        found: ServiceCard = {
            "service": "ERT LLM Backend",
            "model": name,
            "status": "online",
            "endpoints": endpoints,
        }
        return found

    @serves(app, "GET", "/health")
    async def health_route() -> JSONResponse:
        shown = health(service)
        return JSONResponse(shown, status_code=200 if shown["status"] == "healthy" else 503)

    @serves(app, "GET", "/identity")
    async def identity(request: Request, nonce: str = Query(pattern=NONCE)) -> Mapping[str, object]:
        settings, pair = service.settings, request.scope["state"].get(STATE_IDENTITY, service.identity)
        found: Identity = {
            "deployment": settings.deployment,
            "token": settings.token,
            "spec": settings.spec,
            "cert_sha256": pair.cert_sha256,
            "proof": proof(settings.boot_secret, bytes.fromhex(nonce), pair.der),
        }
        return found

    @serves(app, "GET", "/metrics")
    async def show_metrics() -> Response:
        return Response(service.witness.metrics.text(), media_type=metrics.CONTENT_TYPE)

    @serves(app, "GET", "/status")
    async def status() -> Mapping[str, object]:
        return await _status(service)


async def _status(service: Service) -> MachineStatus:
    jobs, state, finding = service.jobs, service.state, service.state.finding
    active = 1 if jobs.active else 0
    return {
        **health(service),
        "queue": {"depth": len(jobs.waiting), "active": active, "limit": jobs.limit},
        "gpu": await gpu.read(),
        "idle_seconds": round(service.ledger.idle_seconds(), 3),
        **service.settings.terms.shown(service.ledger.record.limits()),
        "woken": service.ledger.woken,
        "claimed": service.ledger.record.claimed_at is not None,
        "claim_kept": not service.ledger.unkept,
        "engine_restarts": service.ledger.guard().engine_restarts,
        "draining": jobs.draining or service.ledger.draining(),
        "model_digest": state.digest or None,
        "model_size": state.loaded.size if state.loaded else None,
        "model_size_vram": state.loaded.size_vram if state.loaded else None,
        "context_length": state.loaded.context if state.loaded else None,
        "tokens_per_s": round(state.finding.speed, 1) if state.finding else None,
        "tokens_per_s_by_slots": {str(n): round(rate, 1) for n, rate in finding.rates.items()} if finding else {},
        "slots": finding.slots if finding else None,
        "report_slots": AT_ONCE,
        "tokens_per_s_floor": round(state.finding.floor, 1) if state.finding else None,
        "total_reports": jobs.total,
        "last_report": last_report(jobs),
        "active_requests": active + len(jobs.waiting),
    }


def _report_routes(app: FastAPI, service: Service) -> None:
    jobs = service.jobs

    @serves(app, "POST", "/generate_report")
    async def generate(body: ReportRequest, request: Request) -> JSONResponse:
        with refusals(service):
            job = jobs.submit_same(body, request.scope["ert.key_id"])
        with jobs.attend(job):
            await first_of(job.done.wait(), request.receive())
        if not job.done.is_set():
            return JSONResponse({"detail": "The caller left"}, 499)
        job.collected = True
        return JSONResponse(job.result) if job.result is not None else failed(jobs, job)

    @serves(app, "POST", "/reports", 202)
    async def start(body: JobRequest) -> Mapping[str, object]:
        with refusals(service, body.id):
            return handed_over(jobs, jobs.submit(body, body.id))

    @serves(app, "GET", "/reports/{id}")
    async def show(job_id: str) -> Mapping[str, object]:
        return handed_over(jobs, known(jobs, job_id))

    @serves(app, "DELETE", "/reports/{id}")
    async def cancel(job_id: str) -> Mapping[str, object]:
        job = known(jobs, job_id)
        jobs.cancel(job)
        await job.done.wait()
        return handed_over(jobs, job)

    @serves(app, "GET", "/reports/{id}/events")
    async def events(job_id: str, request: Request) -> StreamingResponse:
        job = known(jobs, job_id)
        stream = attended(jobs.attend(job), follow(job, last_seen(request.headers.get("last-event-id"))))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

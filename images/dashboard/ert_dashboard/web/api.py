"""REST API of the dashboard: compatible with ERT's routes and bodies, with additional fields.

It only translates between HTTP and the service: no queueing, no storage, no call to the backend except in `/ready`.
"""

from __future__ import annotations

import math
import re
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug.exceptions import BadRequest

from ert_dashboard import __version__
from ert_dashboard.auth.access import Access
from ert_dashboard.base.clock import iso
from ert_dashboard.base.owned import Configuration
from ert_dashboard.base.tickers import NOT_A_TICKER, read_ticker, sec_spelling
from ert_dashboard.market.company_file import BadCompany, read_company
from ert_dashboard.market.model import Company, SourceAway
from ert_dashboard.market.sources_chain import OWN_REQUEST
from ert_dashboard.reports.queue import QueueFull
from ert_dashboard.reports.resumption import NothingKept
from ert_dashboard.storage.job import Job
from ert_dashboard.web import bodies, routes
from ert_dashboard.web import headers as guards
from ert_dashboard.web.bundle import read_bundle
from ert_dashboard.web.machine_body import Features, Health, LoginKind, left_out, numbered
from ert_dashboard.web.records import find_job
from ert_dashboard.web.service import Service

_REQUEST_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Api:
    """Routes of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._bundle = read_bundle()

    def blueprint(self) -> Blueprint:
        return routes.blueprint(
            "api",
            page=self.page,
            health=self.health,
            ready=self.ready,
            status=self.status,
            generate=self.generate,
            abort=self.abort,
            reset_abort=self.reset_abort,
            abort_one=self.abort_one,
            resume=self.resume,
        )

    def page(self) -> str:
        settings = self._service.settings
        return render_template(
            "index.html",
            usable=settings.configuration is Configuration.COMPLETE,
            problem=settings.problem,
            samples=self._service.market.search(""),
            reports=[job for job in self._service.store.latest(20) if job.result is not None],
            bundle=self._bundle,
            login=settings.access.password is not None,
            forgotten=self._service.forgotten(),
            version=__version__,
        )

    def health(self) -> Response:
        """Return the liveness and configuration of this process. Never depends on the backend or on a database."""
        service = self._service
        settings = service.settings
        active, queued = service.desk.known_counts()
        features: Features = {
            "remote_llm": settings.configuration is Configuration.COMPLETE,
            "ollama": False,
            "openai": False,
            "live_updates": True,
            "market_data": service.market.kind,
            "login": _login(settings.access),
        }
        body: Health = {
            "status": "healthy",
            "timestamp": iso(service.clock.wall()),
            "version": __version__,
            "fingerprint": service.fingerprint(),
            "instance": settings.instance or None,
            "configuration": settings.configuration,
            "active_reports": active,
            "queue_size": queued,
            "forgets": service.forgotten(),
            "shared": service.channel is not None,
            "backends": service.backends(),
            "features": features,
            **numbered(settings.numbered),
            **left_out(settings.left_out),
        }
        return jsonify(body)

    def ready(self) -> Response:
        """Return 200 if the backend can accept a job, else 503; the state is cached for `CACHE_S`."""
        look = self._service.probe.look()
        body: bodies.Ready = {
            "ready": look.ready,
            "reason": look.reason,
            "configuration": self._service.settings.configuration,
            "checked_at": iso(look.checked),
            "backend": look.backend,
        }
        response = jsonify(body)
        response.status_code = 200 if look.ready else 503
        return response

    def status(self) -> Response:
        body: bodies.Summary = {"success": True, **self._service.status()}
        return jsonify(body)

    def generate(self) -> Response:
        """Queue a job: 200 with its id, 404 for an unknown company, 409 without a backend, 429 if the queue is full.

        `data` in the body is a company document of the caller, see `company_file`. 503 if a data source is unavailable.
        """
        service = self._service
        asked = guards.json_object()
        ticker = read_ticker(asked.get("ticker"))
        if ticker is None:
            raise BadRequest(NOT_A_TICKER)
        request_key = request.headers.get("Idempotency-Key")
        if request_key is not None and not _REQUEST_KEY.fullmatch(request_key):
            raise BadRequest("Idempotency-Key must be 8 to 64 letters, digits, hyphens or underscores")
        if service.settings.configuration is not Configuration.COMPLETE:
            configuration = str(service.settings.configuration)
            return guards.problem(409, service.settings.problem or "", configuration=configuration)
        try:
            company = _given(asked["data"], ticker) if "data" in asked else service.market.find(ticker)
        except SourceAway as error:
            return guards.problem(503, str(error), {"Retry-After": str(math.ceil(error.after))})
        if company is None:
            known = service.market.known()
            message = f"no data for this ticker in {service.market.kind}; there is data for {', '.join(known)}"
            return guards.problem(404, message, known_tickers=known)
        try:
            job = service.desk.submit(company, request_key)
        except QueueFull:
            return guards.problem(429, "the queue is full, try again later", {"Retry-After": "30"})
        if job.ticker != company.ticker:
            return guards.problem(409, "this Idempotency-Key was used for a report on another company")
        return _queued(job)

    def resume(self, report_id: str) -> Response:
        """Queue a report that has the sections of a failed or aborted one, and gets the others; once only."""
        service = self._service
        ended = find_job(service, report_id)
        if service.settings.configuration is not Configuration.COMPLETE:
            configuration = str(service.settings.configuration)
            return guards.problem(409, service.settings.problem or "", configuration=configuration)
        try:
            return _queued(service.desk.resume(ended))
        except NothingKept:
            return guards.problem(409, "this report has no sections to go on from: request it again")
        except QueueFull:
            return guards.problem(429, "the queue is full, try again later", {"Retry-After": "30"})

    def abort(self) -> Response:
        """Abort all active jobs of this service, or the one given by `report_id` (an ERT route)."""
        body = guards.json_object()
        if "report_id" in body:
            return self.abort_one(body["report_id"])
        aborted = self._service.desk.abort_all()
        return _aborted(f"{len(aborted)} report(s) aborted", aborted)

    def abort_one(self, report_id: object) -> Response:
        job = self._service.desk.abort(find_job(self._service, report_id).report_id)
        if job is None:
            return guards.problem(409, "this report is finished")
        return _aborted("aborting", [job.report_id])

    def reset_abort(self) -> Response:
        """Do nothing. Kept for old clients: aborts apply to single jobs, so there is no flag to reset."""
        body: bodies.Done = {"success": True, "message": "nothing to reset"}
        return jsonify(body)


def _given(document: Any, ticker: str) -> Company:
    """Parse the caller's company document; raise `BadRequest` with the name of the field."""
    try:
        company = read_company(document, OWN_REQUEST)
    except BadCompany as error:
        raise BadRequest(f"data: {error}") from None
    if sec_spelling(company.ticker) != sec_spelling(ticker):
        raise BadRequest("data: it is about another ticker")
    return company


def _queued(job: Job) -> Response:
    body: bodies.Generated = {
        "success": True,
        "report_id": job.report_id,
        "message": f"Report for {job.ticker} is queued",
        "validated": True,
        "note": job.label,
    }
    return jsonify(body)


def _aborted(message: str, aborted: list[str]) -> Response:
    body: bodies.Aborted = {"success": True, "message": message, "aborted": aborted}
    return jsonify(body)


def _login(access: Access) -> LoginKind:
    return "password" if access.password else "proxy" if access.header else "none"

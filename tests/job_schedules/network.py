"""Simulated network between client and backend: the app's own key check and routes, and lost messages."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from fastapi import HTTPException

from ert_backend.api.bodies import ReportJob
from ert_backend.api.responses import describe, known, refusals
from ert_backend.base.report_request import JobRequest
from ert_backend.edge.auth import key_id
from ert_backend.service import Service
from ert_dashboard.backend.client import _refusal
from ert_dashboard.backend.errors import Unavailable
from tests.job_schedules.machine import App, Machine
from tests.job_schedules.virtual import VirtualLoop

T = TypeVar("T")


@dataclass
class Published:
    """The dashboard's current environment: the address of the backend, and the key."""

    machine: Machine
    key: bytes


@dataclass
class Wire:
    """The connection from a client to a backend. `lossy`: probability of losing a request, a response or a stream."""

    loop: VirtualLoop
    random: random.Random
    lossy: float
    note: Callable[[str], None]

    def door(self, at: Published) -> App:
        """Return the app at the address if it accepts the key. Raise BackendError otherwise."""
        app = at.machine.serving
        if app is None:
            raise Unavailable("the backend cannot be reached")
        if key_id([(b"authorization", b"Bearer " + at.key)], at.machine.accepted) is None:
            raise _refusal(401, "", None)
        app.ledger.claim()
        return app

    def exchange(self, at: Published, do: Callable[[App], T]) -> T:
        """Send one request and return its response; either may be lost, a response after its request was served."""
        if self.random.random() < self.lossy:
            self.note("a request is lost")
            raise Unavailable("the request was lost")
        app = self.door(at)
        try:
            answer = do(app)
        except HTTPException as error:
            after = (error.headers or {}).get("Retry-After")
            raise _refusal(error.status_code, str(error.detail), float(after) if after else None) from None
        if self.random.random() < self.lossy:
            self.note("an answer is lost")
            raise Unavailable("the answer was lost")
        return answer


def submit(app: App, body: Mapping[str, Any]) -> ReportJob:
    """POST /reports, like the app's route."""
    request = JobRequest.model_validate(body)
    service = SimpleNamespace(state=SimpleNamespace(ready=app.ready), jobs=app.jobs)
    with refusals(cast(Service, service), request.id):
        return describe(app.jobs, app.jobs.submit(request, request.id))


def show(app: App, report_id: str) -> ReportJob:
    """GET /reports/{id}, like the app's route: a draining machine waits until a finished report is fetched."""
    job = known(app.jobs, report_id)
    job.collected = job.collected or job.done.is_set()
    return describe(app.jobs, job)

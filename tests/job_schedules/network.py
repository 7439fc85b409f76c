"""The way from a caller to a backend: its door and its routes as the app has them, and what gets lost in between."""

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
from ert_dashboard.backend.client import Unavailable, _refusal
from tests.job_schedules.machine import App, Machine
from tests.job_schedules.virtual import VirtualLoop

T = TypeVar("T")


@dataclass
class Published:
    """What the dashboard's environment says now: where the backend is, and the key."""

    machine: Machine
    key: bytes


@dataclass
class Wire:
    """The way from a caller to a backend. `lossy`: chance that a request, an answer or a stream is lost."""

    loop: VirtualLoop
    random: random.Random
    lossy: float
    note: Callable[[str], None]

    def door(self, at: Published) -> App:
        """The app behind the address, once the key was accepted. Raises BackendError."""
        app = at.machine.serving
        if app is None:
            raise Unavailable("the backend cannot be reached")
        if key_id([(b"authorization", b"Bearer " + at.key)], at.machine.accepted) is None:
            raise _refusal(401, "", None)
        app.ledger.claim()
        return app

    def exchange(self, at: Published, do: Callable[[App], T]) -> T:
        """One request and its answer; either may be lost, the second after it took effect."""
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
    """POST /reports, as the app's route does it."""
    request = JobRequest.model_validate(body)
    service = SimpleNamespace(state=SimpleNamespace(ready=app.ready), jobs=app.jobs)
    with refusals(cast(Service, service), request.id):
        return describe(app.jobs, app.jobs.submit(request, request.id))


def show(app: App, report_id: str) -> ReportJob:
    """GET /reports/{id}, as the app's route does it: a machine that is about to go waits for this once it is done."""
    job = known(app.jobs, report_id)
    job.collected = job.collected or job.done.is_set()
    return describe(app.jobs, job)

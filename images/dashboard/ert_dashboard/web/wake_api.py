"""Waking by the agent or a workflow: its state for the status page, and the route with which a visitor requests it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, request

from ert_dashboard.auth.middleware import CLIENT
from ert_dashboard.backend.agent_client import AgentTrouble
from ert_dashboard.backend.machine_view import MachineView
from ert_dashboard.base.agent import URL
from ert_dashboard.base.interrupt import Interrupt
from ert_dashboard.base.owned import Configuration
from ert_dashboard.base.workflow import WORKFLOW
from ert_dashboard.storage.interface import Event
from ert_dashboard.web import bodies, headers, machine_body, routes
from ert_dashboard.web.service import Service

WANTED_S = 1800.0  # for which a visitor's request is repeated
_STEPS = {
    "rent": "renting a machine",
    "pull": "loading the image",
    "boot": "starting the machine",
    "model_download": "downloading the model",
    "load": "loading the model",
    "smoke_test": "checking its response",
}
BY_REPORT = "the backend is asleep: it will be woken by your report"
BY_BUTTON = "the backend is asleep: the button `Wake the GPU` wakes it"


@dataclass(frozen=True)
class Look:
    """State of the deployment by the agent, or why it is not known."""

    view: MachineView | None = None
    trouble: str | None = None


class WakeApi:
    """Routes of one service, and the waking part of the status page."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def blueprint(self) -> Blueprint:
        return routes.blueprint("wake", wake=self.wake)

    def wake(self) -> Response:
        """Have the backend woken: 200, 409 where this dashboard cannot, 429 after too many requests in an hour.

        The process that writes reports repeats the request at the agent until the backend is ready.
        """
        service, most = self._service, self._service.settings.presses_per_hour
        headers.json_object()
        if service.settings.configuration is not Configuration.COMPLETE:
            return headers.problem(409, service.settings.problem or "")
        if most is None:
            return headers.problem(409, f"this dashboard has nothing that could wake the GPU ({URL} or {WORKFLOW})")
        if not most:
            return headers.problem(409, "visitors do not wake the GPU here (ERT_DASHBOARD_WAKES_PER_HOUR)")
        if service.probe.look().ready:
            return _done("the backend is ready")
        now = service.clock.wall()
        wanted = service.store.waker.wanted(now)
        wait = service.store.waker.ask(now, now + WANTED_S, most)
        if wait:
            message = "the GPU was woken too often within this hour, try again later"
            return headers.problem(429, message, {"Retry-After": str(math.ceil(wait))})
        if not wanted:
            service.store.audit.add(Event(now, "wake", request.environ.get(CLIENT, "")))
        return _done("the GPU is being woken")

    def look(self, *, ready: bool) -> Look:
        """Ask the agent, unless the backend is ready."""
        agent = self._service.agent
        if agent is None or ready:
            return Look()
        try:
            with Interrupt() as interrupt:
                return Look(agent.look(interrupt))
        except AgentTrouble as error:
            return Look(trouble=str(error))

    def body(self, look: Look) -> machine_body.Wake | None:
        """Return the part of the page; None where nothing wakes the GPU. A workflow tells less than an agent."""
        service, most = self._service, self._service.settings.presses_per_hour
        if most is None:
            return None
        now = service.clock.wall()
        view = look.view or MachineView("unknown", 0)
        middle, late = view.eta_s or (None, None)
        return {
            "automatic": service.settings.access.login,
            "button": most > 0,
            "wanted": service.store.waker.wanted(now),
            "phase": None if look.view is None else view.phase,
            "stage": view.step,
            "progress": view.progress,
            "eta_p50_seconds": middle,
            "eta_p95_seconds": late,
            "price_per_hour_usd": view.price_per_hour,
            "cost_to_ready_usd": view.cost_to_ready,
            "reason": view.reason,
            "problem": service.store.waker.problem(now) or look.trouble or _trouble(view),
        }

    def detail(self, look: Look, otherwise: str) -> str:
        """Return one line on a backend that does not respond."""
        most = self._service.settings.presses_per_hour
        if most is None:
            return otherwise
        if look.view is not None and look.view.phase == "waking":
            step = _STEPS.get(look.view.step or "", "")
            return f"the GPU is being woken{f': {step}' if step else ''}"
        if self._service.settings.access.login:
            return BY_REPORT
        return BY_BUTTON if most else otherwise


def _trouble(view: MachineView) -> str | None:
    return view.reason or None if view.phase in ("failed", "gone", "unknown") else None


def _done(message: str) -> Response:
    body: bodies.Done = {"success": True, "message": message}
    return jsonify(body)

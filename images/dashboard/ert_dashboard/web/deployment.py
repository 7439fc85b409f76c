"""Deployment endpoint of the status page: state of the machine (asleep, unreachable, ready), its hardware and its cost.

The data is from the backend's `/health` and `/status` and from the operator's settings (`machine`). Unknown values are
null; price, GPU and idle limit remain known while the machine sleeps. The result is cached for `CACHE_S`, regardless of
the number of open pages. `/health` does not use it.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from ert_dashboard.backend import protocol, silence
from ert_dashboard.backend.errors import BackendError
from ert_dashboard.backend.guard_word import GuardWord
from ert_dashboard.backend.last_words import LastWords, Taken
from ert_dashboard.backend.readiness import CACHE_S, Readiness
from ert_dashboard.backend.spend import Meter, Sample, seconds_up
from ert_dashboard.base.clock import iso, iso_if_known
from ert_dashboard.base.interrupt import Interrupt, Interrupted
from ert_dashboard.base.machine import Machine, amount, read_said
from ert_dashboard.base.owned import Configuration
from ert_dashboard.storage.interface import StoreTrouble
from ert_dashboard.web import bodies, headers, machine_body, routes
from ert_dashboard.web.service import Service
from ert_dashboard.web.wake_api import Look, WakeApi

_STATUS_S = 5.0
_CENTURY_S = 3.2e9
_MOST = 1e12
_WORDS_PER_S, _WORDS_AT_ONCE = 0.2, 5  # from one address
_STATUS = {Taken.UNSIGNED: 401, Taken.UNREADABLE: 400, Taken.STALE: 409}


class Deployment:
    """Caches the state of the machine, and collects the samples for the cost estimate."""

    def __init__(self, service: Service, wake: WakeApi) -> None:
        self._service = service
        self._wake = wake
        self._lock = threading.Lock()
        self._meter = Meter(samples=self._stored())
        self._known = service.settings.machine
        self._word: silence.LastWord | None = None
        self._last: tuple[float, machine_body.MachineState, Look] | None = None
        self._words = LastWords(service.fleet, service.store.words, service.clock)
        self._word_rate = service.limits("last messages", _WORDS_PER_S, _WORDS_AT_ONCE)

    def blueprint(self) -> Blueprint:
        return routes.blueprint("deployment", deployment=self.answer, last_word=self.last_word)

    def last_word(self) -> Response:
        """Take the last message of a guard: 200, 400, 401 unsigned, 409 old, 413, 429 too often."""
        wait = self._word_rate.take(self._service.settings.access.proxies.client(request.environ))
        if wait:
            return headers.problem(429, "too many last messages", {"Retry-After": str(math.ceil(wait))})
        taken = self._words.take(request.get_data(cache=False), request.headers.get("X-Ert-Signature", ""))
        if taken is not Taken.KEPT:
            return headers.problem(_STATUS[taken], taken.value)
        with self._lock:
            self._last = None
        body: bodies.Done = {"success": True, "message": "noted"}
        return jsonify(body)

    def answer(self) -> Response:
        """Return the state of the machine and the number of jobs in this dashboard."""
        active, waiting = self._service.desk.counts()
        counts: machine_body.ReportCounts = {"active": active, "waiting": waiting}
        machine, look = self.look()
        body: machine_body.Deployment = {
            "success": True,
            **machine,
            "wake": self._wake.body(look),
            "backends": self._service.backends(),
            "together": self._service.together(),
            "reports": counts,
            **machine_body.left_out(self._service.settings.left_out),
        }
        return jsonify(body)

    def look(self) -> tuple[machine_body.MachineState, Look]:
        with self._lock:
            now = self._service.clock.monotonic()
            if self._last is None or now - self._last[0] > CACHE_S:
                found, look = self._look()
                self._last = (self._service.clock.monotonic(), found, look)
            return self._last[1:]

    def _look(self) -> tuple[machine_body.MachineState, Look]:
        service = self._service
        if service.settings.configuration is not Configuration.COMPLETE:
            said: Mapping[str, Any] = {}
            seen = Readiness(ready=False, reason=service.settings.problem or "", checked=service.clock.wall())
            state: machine_body.State = "not_configured"
        else:
            seen, began = service.probe.look(), service.clock.wall()
            said = self._status() if seen.backend else {}
            self._note(said, began)
            state = _state(seen, said)
        look = self._wake.look(ready=seen.ready or state == "not_configured")
        self._known = read_said(said, self._known)
        now = service.clock.monotonic()
        self._word = silence.last_word(said, now) or self._word
        detail, since, ended = seen.reason, None, None
        if state == "asleep":
            phase, ended = None if look.view is None else look.view.phase, self._ended()
            guard = None if ended is None else (ended, service.clock.wall() - ended.at)
            state = silence.silent_state(phase, self._word, self._known, now, guard)
            since = silence.silent_since(self._meter.samples())
            ended = ended if ended is not None and silence.by_guard(ended) == state else None
            detail = silence.DETAILS.get(state) or self._wake.detail(look, seen.reason)
            if ended is not None:
                detail = ended.line() if state == "gone" else f"{ended.line()}; {detail}"
        uptime = amount(said.get("uptime"), _CENTURY_S)
        self._see(Sample(seen.checked, uptime))
        found: machine_body.MachineState = {
            "state": state,
            "detail": detail,
            "checked_at": iso(seen.checked),
            "silent_since": iso_if_known(since),
            "ended": machine_body.ended(ended),
            "backend": seen.backend,
            "uptime_seconds": None if uptime is None else uptime * self._known.speed,
            "progress": _progress(said),
            "queue": _queue(said.get("queue")),
            **self._machine(said),
        }
        return found, look

    def _ended(self) -> GuardWord | None:
        """Return the last message of the guard; None also while the store does not respond."""
        with contextlib.suppress(StoreTrouble):
            return None if self._service.client is None else self._words.of(self._service.client)
        return None

    def _note(self, said: Mapping[str, Any], began: float) -> None:
        """Override the last message of a guard whose machine takes work after it; `began` is when it was asked."""
        if said and said.get("draining") is not True and self._service.client is not None:
            with contextlib.suppress(StoreTrouble):
                self._words.lives(self._service.client, began)

    def _stored(self) -> list[Sample]:
        with contextlib.suppress(StoreTrouble):
            return [Sample(at, uptime) for at, uptime in self._service.store.samples.latest()]
        return []

    def _see(self, sample: Sample) -> None:
        """Add a sample, also for the processes after this one; an error of the store costs only that."""
        self._meter.see(sample)
        with contextlib.suppress(StoreTrouble):
            self._service.store.samples.keep(sample.at, sample.uptime)

    def _machine(self, said: Mapping[str, Any]) -> machine_body.MachineFigures:
        known, idle = self._known, amount(said.get("idle_seconds"), _CENTURY_S)
        return {
            "gpus": _gpus(said.get("gpu")),
            "gpu_name": known.gpu,
            "price_per_hour_usd": known.price,
            "clock_speed": known.speed,
            "idle_seconds": None if idle is None else idle * known.speed,
            "idle_stop_seconds": known.idle_stop,
            "total_reports": amount(said.get("total_reports"), 1e9),
            "spend": self._spend(known),
        }

    def _spend(self, known: Machine) -> machine_body.Spend | None:
        """Return the estimate in USD, in total and over time; None without a price."""
        if known.price is None:
            return None
        per_second = known.price * known.speed / 3600
        return machine_body.spend([(at, up * per_second) for at, up in seconds_up(self._meter.samples())])

    def _status(self) -> Mapping[str, Any]:
        """Return `/status` of the backend; {} if it has no such route or does not respond in time."""
        client = self._service.client
        if client is None:
            return {}
        try:
            with Interrupt() as interrupt:
                interrupt.limit(_STATUS_S)
                return client.status(interrupt)
        except (BackendError, Interrupted):
            return {}


def _state(seen: Readiness, said: Mapping[str, Any]) -> machine_body.State:
    if seen.ready:
        return "draining" if said.get("draining") is True else "ready"
    if not seen.backend:
        return "asleep"
    phase = (_mapping(said.get("progress")) or {}).get("phase")
    if phase == "failed":
        return "failed"
    return "waking" if said.get("woken") is True else "booting"


def _progress(said: Mapping[str, Any]) -> machine_body.Progress | None:
    progress = _mapping(said.get("progress"))
    if progress is None:
        return None
    return {
        "phase": protocol.error_text(progress.get("phase")),
        "completed": amount(progress.get("completed"), 1e15),
        "total": amount(progress.get("total"), 1e15),
    }


def _gpus(raw: object) -> list[machine_body.Gpu] | None:
    if not isinstance(raw, list):
        return None
    return [_gpu(row) for row in raw[:16] if isinstance(row, Mapping)] or None


def _gpu(row: Mapping[str, Any]) -> machine_body.Gpu:
    return {
        "name": protocol.error_text(row.get("name")),
        "memory_total_mb": amount(row.get("memory_total_mb"), _MOST),
        "memory_used_mb": amount(row.get("memory_used_mb"), _MOST),
        "utilization_percent": amount(row.get("utilization_percent"), _MOST),
        "temperature_c": amount(row.get("temperature_c"), _MOST),
    }


def _queue(raw: object) -> machine_body.Queue | None:
    found = _mapping(raw)
    if found is None:
        return None
    return {
        "depth": amount(found.get("depth"), _MOST),
        "active": amount(found.get("active"), _MOST),
        "limit": amount(found.get("limit"), _MOST),
    }


def _mapping(raw: object) -> Mapping[str, Any] | None:
    return raw if isinstance(raw, Mapping) else None

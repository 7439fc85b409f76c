"""Metrics endpoint for Prometheus: the dashboard, its reports, the backend, its GPU and its cost, in one scrape.

It needs the token in ERT_METRICS_TOKEN, and does not exist without one. A scrape polls the backend like an open page,
at most every `CACHE_S`, and neither wakes it nor keeps it awake. Counters begin at 0 with each process.
"""

from __future__ import annotations

import hmac
import ssl
import threading
from collections.abc import Iterable, Iterator
from typing import get_args

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from ert_dashboard import __version__
from ert_dashboard.backend.checks import RESULTS, Checks, Look
from ert_dashboard.backend.fleet_costs import Cost, price_now
from ert_dashboard.base.backends import Backend
from ert_dashboard.base.exposition import CONTENT_TYPE, Family, Sample, exposition
from ert_dashboard.reports.tally import MOST, Tally
from ert_dashboard.storage.interface import StoreTrouble
from ert_dashboard.web import machine_body, routes
from ert_dashboard.web.deployment import Deployment
from ert_dashboard.web.service import Service

MIB = 1024.0 * 1024.0
_LONGEST_GAP_S = 300.0  # between two looks; a longer one counts as this in the cost
INFO = Family("ert_dashboard_info", "gauge", ("version",), "1, with the version")
UP = Family("ert_dashboard_uptime_seconds", "gauge", (), "Age of this process")
STORE = Family("ert_dashboard_store_up", "gauge", (), "1 when the report store is available")
OPEN = Family("ert_dashboard_reports", "gauge", ("state",), "Unfinished reports, active and waiting")
DONE = Family("ert_reports_finished_total", "counter", ("status",), "Reports finished since the start")
TOOK = Family("ert_report_duration_seconds", "histogram", (), "From acceptance by the backend to a completed report")
CHECKS = Family("ert_backend_health_checks_total", "counter", ("result",), "Health checks of the backend by result")
CHECK_TOOK = Family("ert_backend_health_check_duration_seconds", "histogram", (), "Health checks with a response")
CONFIGURED = Family("ert_backend_configured", "gauge", (), "1 when a backend is configured")
BACKENDS = Family("ert_backends", "gauge", ("state",), "Several backends, by whether they are up")
STATE = Family("ert_backend_state", "gauge", ("state",), "1 for the state that the machine is in")
UPTIME = Family("ert_backend_uptime_seconds", "gauge", (), "Age of the backend's process")
IDLE = Family("ert_backend_idle_seconds", "gauge", (), "Since the backend's last report")
IDLE_STOP = Family("ert_backend_idle_stop_seconds", "gauge", (), "Idle time after which the machine stops; 0 is never")
QUEUE = Family("ert_backend_queue", "gauge", ("state",), "Reports in the backend, waiting and active")
WRITTEN = Family("ert_backend_reports_written", "gauge", (), "Reports written by the backend's process")
CERTIFICATE = Family(
    "ert_backend_certificate_expiry_timestamp_seconds", "gauge", (), "End of the pinned certificate, in Unix time"
)
GPU_BUSY = Family("ert_gpu_utilization_ratio", "gauge", ("gpu",), "Use of the GPU, 0 to 1")
GPU_USED = Family("ert_gpu_memory_used_bytes", "gauge", ("gpu",), "GPU memory in use")
GPU_TOTAL = Family("ert_gpu_memory_total_bytes", "gauge", ("gpu",), "GPU memory")
GPU_HEAT = Family("ert_gpu_temperature_celsius", "gauge", ("gpu",), "Temperature of the GPU")
PRICE = Family("ert_price_usd_per_hour", "gauge", (), "Price while it runs; of several, of those that are up")
SPEND = Family(
    "ert_spend_usd_total", "counter", (), "Estimated cost of all machines since the start: time up, by the price"
)
AGREED = Family(
    "ert_agreed_price_usd_per_hour", "gauge", (), "Price at which the machine was rented, by the agent, while it runs"
)
LISTED = Family("ert_listed_price_usd_per_hour", "gauge", (), "Price at the provider, by the agent, while it runs")
CONTRACT = Family(
    "ert_contract_end_timestamp_seconds", "gauge", (), "End of the rental contract, by the agent, in Unix time"
)
BUDGET = Family("ert_daily_budget_usd", "gauge", (), "What a day may cost, where that is set")
FAMILIES = (
    INFO, UP, STORE, OPEN, DONE, TOOK, CONFIGURED, BACKENDS, STATE, CHECKS, CHECK_TOOK, UPTIME, IDLE, IDLE_STOP, QUEUE,
    WRITTEN, CERTIFICATE, GPU_BUSY, GPU_USED, GPU_TOTAL, GPU_HEAT, PRICE, AGREED, LISTED,
    CONTRACT, SPEND, BUDGET,
)  # fmt: skip
Found = tuple[Family, Iterable[Sample]]


class Metrics:
    """The endpoint, with the counts of this process."""

    def __init__(self, service: Service, deployment: Deployment) -> None:
        self._service = service
        self._deployment = deployment
        self._lock = threading.Lock()
        self._started = service.clock.wall()
        self._tally = Tally(self._started)
        self._checks = Checks()
        self._spent = 0.0
        self._seen: tuple[float, float] | None = None  # time of the last look, and USD per second of what ran then
        self._expiry = expiry(service.settings.backends)

    def blueprint(self) -> Blueprint:
        return routes.blueprint("metrics", metrics=self.answer)

    def answer(self) -> Response:
        """Return all metrics; 401 without the token, 404 where none is set."""
        token = self._service.settings.metrics_token
        if token is None:
            raise NotFound
        shown = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, f"Bearer {token.reveal()}".encode()):
            return Response("unauthorized\n", 401, {"WWW-Authenticate": "Bearer"}, content_type="text/plain")
        with self._lock:
            text = exposition(self._found())
        return Response(text, content_type=CONTENT_TYPE)

    def _found(self) -> Iterator[Found]:
        yield INFO, [Sample(1, {"version": __version__})]
        yield UP, [Sample(self._service.clock.wall() - self._started)]
        yield from self._reports()
        machine, _ = self._deployment.look()
        costs = self._service.costs()
        self._count(machine, costs)
        yield CONFIGURED, [Sample(machine["state"] != "not_configured")]
        counts = self._service.backends()
        if counts is not None:
            yield (
                BACKENDS,
                [Sample(counts["up"], {"state": "up"}), Sample(counts["of"] - counts["up"], {"state": "down"})],
            )
        states = get_args(machine_body.State)
        yield STATE, [Sample(machine["state"] == state, {"state": state}) for state in states]
        yield CHECKS, [Sample(self._checks.counts[result], {"result": result}) for result in RESULTS]
        yield CHECK_TOOK, self._checks.seconds.samples()
        yield from self._machine(machine)
        yield from self._contract()
        yield PRICE, _known(price_now(costs) if costs else machine["price_per_hour_usd"])
        priced = any(one.price is not None for one in costs) if costs else machine["price_per_hour_usd"] is not None
        yield SPEND, [Sample(self._spent)] if priced else []
        yield BUDGET, _known(self._service.settings.daily_budget)

    def _reports(self) -> Iterator[Found]:
        try:
            self._tally.see(self._service.store.latest(MOST))
            active, waiting = self._service.desk.counts()
        except StoreTrouble:
            yield STORE, [Sample(0)]
            return
        yield STORE, [Sample(1)]
        yield OPEN, [Sample(active, {"state": "active"}), Sample(waiting, {"state": "waiting"})]
        yield DONE, [Sample(count, {"status": status}) for status, count in self._tally.counts.items()]
        yield TOOK, self._tally.seconds.samples()

    def _count(self, machine: machine_body.MachineState, costs: tuple[Cost, ...]) -> None:
        """Count the health check behind this look, and what the machines have cost since the one before."""
        if machine["state"] == "not_configured":
            return
        seen = self._service.probe.look()
        self._checks.count(
            Look(
                at=seen.checked,
                responds=bool(seen.backend),
                ready=seen.ready,
                failed=machine["state"] == "failed",
                draining=machine["state"] == "draining",
                seconds=seen.seconds,
                idle=machine["idle_seconds"],
                idle_stop=machine["idle_stop_seconds"],
                speed=machine["clock_speed"],
            )
        )
        price, now = machine["price_per_hour_usd"], self._service.clock.monotonic()
        if self._seen is not None:
            at, rate = self._seen
            self._spent += min(now - at, _LONGEST_GAP_S) * rate
        own = Cost(bool(seen.backend), price, None, machine["clock_speed"])
        self._seen = now, sum(one.rate for one in costs or (own,))

    def _contract(self) -> Iterator[Found]:
        """Yield what only the agent reads of the provider; nothing without one."""
        follower = self._service.follower
        view = follower.seen if follower is not None else None
        if view is not None:
            running = view.phase in ("ready", "waking")
            yield AGREED, _known(view.agreed_price if running else None)
            yield LISTED, _known(view.price_per_hour if running else None)
            yield CONTRACT, _known(view.contract_ends)

    def _machine(self, machine: machine_body.MachineState) -> Iterator[Found]:
        yield UPTIME, _known(machine["uptime_seconds"])
        yield IDLE, _known(machine["idle_seconds"])
        yield IDLE_STOP, _known(machine["idle_stop_seconds"])
        queue = machine["queue"]
        if queue is not None:
            yield QUEUE, [*_known(queue["depth"], state="waiting"), *_known(queue["active"], state="active")]
        yield WRITTEN, _known(machine["total_reports"])
        yield CERTIFICATE, _known(self._expiry)
        cards = list(enumerate(machine["gpus"] or ()))
        yield GPU_BUSY, _of_cards((str(at), card["utilization_percent"], 0.01) for at, card in cards)
        yield GPU_USED, _of_cards((str(at), card["memory_used_mb"], MIB) for at, card in cards)
        yield GPU_TOTAL, _of_cards((str(at), card["memory_total_mb"], MIB) for at, card in cards)
        yield GPU_HEAT, _of_cards((str(at), card["temperature_c"], 1.0) for at, card in cards)


def expiry(backends: Iterable[Backend]) -> float | None:
    """Return the first end of the pinned certificates in Unix time; None without one, or if it does not say."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for backend in backends:
        context.load_verify_locations(cadata=backend.ca_pem)
    ends = [ssl.cert_time_to_seconds(str(cert["notAfter"])) for cert in context.get_ca_certs() if "notAfter" in cert]
    return min(ends, default=None)


def _known(value: float | None, **labels: str) -> list[Sample]:
    return [] if value is None else [Sample(value, labels)]


def _of_cards(cards: Iterable[tuple[str, float | None, float]]) -> list[Sample]:
    """Return the samples of the cards that report a value, each in the unit of its factor."""
    return [Sample(value * factor, {"gpu": at}) for at, value, factor in cards if value is not None]

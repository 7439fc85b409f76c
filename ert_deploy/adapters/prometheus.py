"""Adapter to a Prometheus server: reads what the dashboard's metrics were over some days, by its HTTP API.

Source: prometheus.io/docs/prometheus/latest/querying/api. A response that is not understood is an error, never 0.
"""

from __future__ import annotations

import math
from typing import Any

import requests

from ert_deploy.adapters.bounded_http import Bounds, NoAnswer, anonymous, exchange
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.core.objectives.objective import SLOW, Measured, Name

BOUNDS = Bounds(connect=5.0, read=30.0, total=60.0)
HINT = "is it a Prometheus server that has scraped the dashboard? docs/monitoring.md"


class Prometheus:
    """The series of one scrape job at the server at `url`. `token` is sent as a bearer token, if there is one."""

    def __init__(self, url: str, job: str, token: Secret | None = None, bounds: Bounds = BOUNDS) -> None:
        self.url = url
        self._job = f'job="{job}"'
        self._token = token
        self._bounds = bounds

    def covered(self, days: float) -> float:
        """Return the share of the hours with a scrape, 0 to 1. Raises CannotObserve."""
        hours = round(days * 24)
        found = self._number(f"max(count_over_time((count_over_time(up{{{self._job}}}[1h]) > 0)[{hours}h:1h]))")
        return min(1.0, (found or 0.0) / hours)

    def measure(self, name: Name, days: float) -> Measured:
        """Return what was measured for an objective, None where there are no series or no events. CannotObserve."""
        window = f"{round(days * 24)}h"
        match name:
            case Name.UPTIME:
                return Measured(self._number(f"min(avg_over_time(up{{{self._job}}}[{window}]))"))
            case Name.HEALTH:
                return self._share("ert_backend_health_checks_total", "result", ("ok", "failed"), window)
            case Name.REPORTS:
                return self._share("ert_reports_finished_total", "status", ("completed", "failed"), window)
            case Name.TIME:
                return self._time(window)

    def _share(self, metric: str, label: str, values: tuple[str, str], window: str) -> Measured:
        """Return the share of the first value among both."""
        good, bad = (
            self._number(f'sum(increase({metric}{{{self._job},{label}="{value}"}}[{window}]))') for value in values
        )
        events = (good or 0.0) + (bad or 0.0)
        return Measured((good or 0.0) / events if events else None, events)

    def _time(self, window: str) -> Measured:
        series = f"ert_report_duration_seconds_bucket{{{self._job}"
        events = self._number(f"sum(increase(ert_report_duration_seconds_count{{{self._job}}}[{window}]))")
        quick = self._number(f'sum(increase({series},le=~"{SLOW:.0f}([.]0)?"}}[{window}]))')
        if not events or quick is None:
            return Measured(None, events)
        median = self._number(f"histogram_quantile(0.5, sum by (le) (increase({series}}}[{window}])))")
        return Measured(min(1.0, quick / events), events, median)

    def _number(self, query: str) -> float | None:
        """Return the value of a query with at most one result; None for no result, and for NaN."""
        rows = self._vector(query)
        if not rows:
            return None
        try:
            (row,) = rows
            value = float(row["value"][1])
        except (ValueError, KeyError, TypeError, IndexError):
            raise CannotObserve(f"{self.url} returned something else than a number", hint=HINT) from None
        return value if math.isfinite(value) else None

    def _vector(self, query: str) -> list[Any]:
        try:
            reply = exchange(
                "GET", f"{self.url}/api/v1/query", self._bounds, params={"query": query}, authorize=self._authorize
            )
        except NoAnswer as error:
            raise CannotObserve(f"{self.url} cannot be read: {error.reason}", hint=HINT) from None
        try:
            found = reply.json()
            if reply.status == 200 and found["status"] == "success" and found["data"]["resultType"] == "vector":
                rows: list[Any] = found["data"]["result"]
                return rows
            said = f": {printable(found['error'])}" if isinstance(found, dict) and "error" in found else ""
        except (ValueError, KeyError, TypeError):
            said = ""
        raise CannotObserve(f"{self.url} rejected a query (HTTP {reply.status}){said}", hint=HINT)

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is None:
            return anonymous(request)
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request

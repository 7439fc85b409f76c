"""ERT dashboard client: starts a report, polls its progress and returns the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, exchange
from ert_deploy.core.model.errors import CannotObserve, Failed, UsageError
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock

POLL = 0.5
BOUNDS = Bounds(connect=5.0, read=30.0, total=60.0, size=16 * KIB * KIB)
OVER = frozenset({"failed", "aborted", "error"})


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: its sections as Markdown, the metadata of the run and its duration in seconds."""

    ticker: str
    report_id: str
    sections: Mapping[str, str]
    metadata: Mapping[str, Any]
    generation_time: float


class ErtApp:
    """Client of one dashboard at a public URL. `bounds` apply to each single HTTP request."""

    def __init__(self, url: str, clock: Clock, bounds: Bounds = BOUNDS) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._bounds = bounds

    def report(self, ticker: str, limit: float, progress: Callable[[str, int], None]) -> Report:
        """Generate a report on `ticker` within `limit` seconds and return it.

        `progress` is called with the status and the percentage on every poll. Raises `UsageError` when the dashboard
        returns 400, 404 or 422, `Failed` when the report fails or is late, `CannotObserve` without a usable response.
        """
        started = self._ask("POST", "/api/generate", {"ticker": ticker})
        report_id = started.get("report_id")
        if started.get("success") is not True or not isinstance(report_id, str):
            raise Failed(f"the dashboard did not take the report: {_words(started)}")
        deadline = self._clock.now() + limit
        while self._clock.now() < deadline:
            answer = self._ask("GET", f"/api/reports/{quote(report_id, safe='')}", None)
            job = answer.get("data")
            if not isinstance(job, dict) or not isinstance(job.get("status"), str):
                raise CannotObserve(f"the dashboard at {self._url} returned no progress of the report")
            status = printable(job["status"], 40)
            percent = job.get("progress")
            progress(_where(job, status), percent if isinstance(percent, int) else 0)
            if status == "completed":
                return _report(ticker, report_id, answer.get("report"))
            if status in OVER:
                raise Failed(f"the report finished as {status}: {_words(job)}")
            self._clock.sleep(POLL)
        raise Failed(f"no report on {ticker} within {limit:.0f} s", hint=f"it may still finish: id {report_id}")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        try:
            reply = exchange(method, self._url + path, self._bounds, body=body)
        except NoAnswer as trouble:
            raise CannotObserve(f"the dashboard at {self._url} does not respond: {trouble.reason}") from None
        if 300 <= reply.status < 400:
            raise CannotObserve(f"the dashboard at {self._url} returned a redirect, which is not followed")
        try:
            data = reply.json()
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise CannotObserve(f"the dashboard at {self._url} returned an invalid response")
        if reply.status in (400, 404, 422):
            raise UsageError(_words(data))
        if reply.status >= 400:
            raise Failed(f"the dashboard returned {reply.status}: {_words(data)}")
        return data


def _words(data: Mapping[str, Any]) -> str:
    text = data.get("error_message") or data.get("error") or data.get("message") or "no reason given"
    return printable(text)


def _where(job: Mapping[str, Any], status: str) -> str:
    section = printable(job.get("current_section") or "", 40).replace("_", " ")
    return f"{status}: {section}" if section else status


def _report(ticker: str, report_id: str, result: Any) -> Report:
    if not isinstance(result, dict) or not isinstance(result.get("sections"), dict):
        raise CannotObserve("the dashboard calls the report completed but does not hand it over")
    metadata = result.get("metadata")
    seconds = result.get("generation_time")
    return Report(
        ticker=ticker,
        report_id=report_id,
        sections={str(k): str(v) for k, v in result["sections"].items()},
        metadata=metadata if isinstance(metadata, dict) else {},
        generation_time=float(seconds) if isinstance(seconds, int | float) else 0.0,
    )

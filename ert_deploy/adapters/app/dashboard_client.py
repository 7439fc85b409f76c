"""ERT dashboard client: logs in if needed, starts a report, follows its progress and returns the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ert_deploy.adapters.app.report_stage import WAITING, Stage, stage_of
from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, Reply, exchange, is_loopback
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import CannotObserve, ErtError, Failed, LoginRequired, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Clock

POLL = 0.5
BOUNDS = Bounds(connect=5.0, read=30.0, total=60.0, size=16 * KIB * KIB)
OVER = frozenset({"failed", "aborted", "error"})
REPORT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SESSION = re.compile(r"(?:^|[,;]\s*)((?:__Host-)?ert_session=[A-Za-z0-9_-]{16,128})(?:;|$)")


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: its sections as Markdown, the metadata of the run and its duration in seconds."""

    ticker: str
    report_id: str
    sections: Mapping[str, str]
    metadata: Mapping[str, Any]
    generation_time: float


@dataclass(frozen=True, slots=True)
class Listed:
    """A report in the app's list: its id, ticker, stage, and when it was requested (ISO 8601, marked with `zone`)."""

    report_id: str
    ticker: str
    stage: Stage
    status: str
    created: str
    zone: str = "UTC"


class ErtApp:
    """Client of one dashboard at a public URL; a context manager that logs out at the end.

    `bounds` apply to each single HTTP request. `password` is sent only when the app requests a login, and only over
    https or to this machine.
    """

    def __init__(self, url: str, clock: Clock, bounds: Bounds = BOUNDS, password: Secret | None = None) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._bounds = bounds
        self._password = password
        self._cookie = ""

    def __enter__(self) -> ErtApp:
        return self

    def __exit__(self, *_: object) -> None:
        if self._cookie:
            try:
                self._send("POST", "/logout", form={})
            except NoAnswer:
                return  # the session expires by itself
            self._cookie = ""

    def report(self, ticker: str, limit: float, progress: Callable[[Stage], None]) -> Report:
        """Generate a report on `ticker` within `limit` seconds and return it. Raises like `start` and `follow`."""
        return self.follow(self.start(ticker), limit, progress)

    def start(self, ticker: str) -> str:
        """Request a report on `ticker` and return its id.

        Raises `UsageError` when the dashboard returns 400, 404 or 422, its subclass `LoginRequired` without a password
        that it wants, `Failed` if it does not take the report, `CannotObserve` without a usable response.
        """
        started = self._ask("POST", "/api/generate", {"ticker": ticker})
        report_id = started.get("report_id")
        if started.get("success") is not True or not isinstance(report_id, str) or not REPORT_ID.fullmatch(report_id):
            raise Failed(f"the dashboard did not take the report: {_words(started)}")
        return report_id

    def follow(self, report_id: str, limit: float, progress: Callable[[Stage], None]) -> Report:
        """Wait for a report for at most `limit` seconds and return it; `progress` gets the stage of every poll.

        Raises like `start`, and `Failed` when the report fails or is late.
        """
        if not REPORT_ID.fullmatch(report_id):
            raise UsageError(
                f"{printable(report_id, 70)!r} cannot be the id of a report", hint="`report list` has them"
            )
        deadline = self._clock.now() + limit
        while self._clock.now() < deadline:
            shown = self._ask("GET", f"/api/reports/{quote(report_id, safe='')}", None)
            job = shown.get("data")
            if not isinstance(job, dict) or not isinstance(job.get("status"), str):
                raise CannotObserve(f"the dashboard at {self._url} returned no progress of the report")
            progress(stage_of(job, self._machine(job)))
            if job["status"] == "completed":
                return _report(printable(job.get("ticker") or "", 40), report_id, shown.get("report"))
            if job["status"] in OVER:
                raise Failed(f"the report finished as {printable(job['status'], 40)}: {_words(job)}")
            self._clock.sleep(POLL)
        raise Failed(
            f"report {report_id} is not complete after {limit:.0f} s",
            hint=f"it may still finish: `ert-deploy report --follow {report_id}`",
        )

    def latest(self, limit: int) -> tuple[Listed, ...]:
        """Return the latest reports, newest first. Raises like `start`."""
        found = self._ask("GET", f"/api/reports?limit={limit:d}", None).get("reports")
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise CannotObserve(f"the dashboard at {self._url} returned no list of reports")
        return tuple(
            Listed(
                printable(row.get("report_id"), 64),
                printable(row.get("ticker"), 20),
                stage_of(row, {}),
                printable(row.get("status"), 40),
                printable(row.get("created"), 40),
            )
            for row in found
        )

    def _machine(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the dashboard knows of the machine, where the stage depends on it; empty if it does not tell."""
        if not str(job.get("current_section") or "").startswith(WAITING):
            return {}
        try:
            return self._ask("GET", "/api/deployment", None)
        except ErtError:
            return {}

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        try:
            reply = self._send(method, path, body)
            if reply.status == 401 and not self._cookie:
                self._log_in()
                reply = self._send(method, path, body)
        except NoAnswer as trouble:
            raise CannotObserve(f"the dashboard at {self._url} does not respond: {trouble.reason}") from None
        if 300 <= reply.status < 400:
            raise CannotObserve(f"the dashboard at {self._url} returned a redirect, which is not followed")
        try:
            data = reply.json()
        except ValueError:
            data = None
        if not isinstance(data, dict) and reply.status in (404, 405):
            hint = "`ert-deploy ask` sends its model a prompt"
            raise UsageError(
                f"the app at {self._url} is no ERT dashboard: it has no {path.partition('?')[0]}", hint=hint
            )
        if not isinstance(data, dict):
            raise CannotObserve(f"the dashboard at {self._url} returned an invalid response")
        if reply.status in (400, 404, 422):
            hint = "`ert-deploy report list` has the ids" if (method, reply.status) == ("GET", 404) else ""
            raise UsageError(_words(data), hint=hint)
        if reply.status >= 400:
            raise Failed(f"the dashboard returned {reply.status}: {_words(data)}")
        return data

    def _log_in(self) -> None:
        """Exchange the password for a session. Raise `LoginRequired`, `UsageError` (a wrong one) or `Failed`."""
        if self._password is None:
            raise LoginRequired(
                f"the dashboard at {self._url} requires a login",
                hint="set ERT_APP_PASSWORD to its password; on a terminal, you are asked for it",
            )
        if urlsplit(self._url).scheme != "https" and not is_loopback(self._url):
            raise UsageError(f"the password is not sent to {self._url}, which is not https")
        redaction.hold(self._password.reveal())
        reply = self._send("POST", "/login", form={"password": self._password.reveal()})
        found = _SESSION.search(reply.headers.get("Set-Cookie", ""))
        if reply.status == 303 and found is not None:
            self._cookie = found[1]
            redaction.hold(found[1].partition("=")[2])
            return
        if reply.status == 401:
            raise UsageError("the dashboard does not take the password", hint="check ERT_APP_PASSWORD")
        wait = printable(reply.headers.get("Retry-After", ""), 10)
        after = f"; it takes the next one in {wait} s" if reply.status == 429 and wait else ""
        raise Failed(f"the login at the dashboard failed with HTTP {reply.status}{after}")

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, form: Mapping[str, str] | None = None
    ) -> Reply:
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if form is None:
            return exchange(method, self._url + path, self._bounds, body=body, headers=headers)
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._url}
        return exchange(method, self._url + path, self._bounds, content=urlencode(form).encode(), headers=headers)


def _words(data: Mapping[str, Any]) -> str:
    text = data.get("error_message") or data.get("error") or data.get("message") or "no reason given"
    return printable(text)


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

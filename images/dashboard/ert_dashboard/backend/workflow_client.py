"""Client of GitHub's API: starts the workflow that wakes the GPU, where no agent does. No key of the GPU cloud is here.

A request to wake is repeated while reports wait, and looks at the runs first: nothing is added to one that is under
way, one of this waiting period is not followed by another, and the runs of an hour are limited, by hand or not. So a
restart, a second process or a person who started it makes no run more. It follows no redirect, and every call has a
deadline from its first to its last byte.

Source: GitHub REST API, version 2022-11-28: "Create a workflow dispatch event", "List workflow runs for a workflow".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ert_dashboard.backend import calls, protocol
from ert_dashboard.backend.agent_client import Wake
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.interrupt import Interrupt
from ert_dashboard.base.workflow import TOKEN, WORKFLOW, Workflow

CALL_S = 15.0  # for one call, whatever it returns
AGAIN_S, LATER_S = 15.0, 60.0  # until the next look at the runs, and after an error
APPEARS_S = 90.0  # in which a run that was started is listed
PERIOD_S = 180.0  # without a request, after which the next one begins another waiting period
HOLDS_S = 900.0  # after the end of a run, in which the same waiting period starts no other
_HOUR_S = 3600.0
_OLDEST_S = 6 * _HOUR_S  # of a run that is taken to be under way: a job ends after that (GitHub's limit)
_CONNECT_S = 5.0
_LARGEST_ANSWER = 2 * 1024 * 1024
_MOST_RUNS = 30
_LONGEST_SAID = 200
VERSION = "2022-11-28"


class _Trouble(Exception):
    """Why the workflow is not started; safe to display."""

    def __init__(self, problem: str, *, lasting: bool = False, after: float | None = None) -> None:
        super().__init__(problem)
        self.wake = Wake(problem=problem, lasting=lasting, after=after)


@dataclass(frozen=True)
class _Run:
    """One run, with times by GitHub's clock in Unix seconds. `conclusion` is "" until it is over."""

    begun: float
    changed: float
    status: str
    conclusion: str
    url: str


class WorkflowClient:
    """Starts one workflow. For one thread at a time, as the waker is."""

    elsewhere = "the workflow has succeeded, but the backend does not respond at the address that this dashboard has"

    def __init__(self, workflow: Workflow, clock: Clock) -> None:
        self._workflow = workflow
        self._clock = clock
        self._asked = self._sent = float("-inf")  # monotonic times of the last request, and of the last start
        self._period = 0.0  # begin of the waiting period, by GitHub's clock
        self._http = httpx.Client(
            follow_redirects=False,
            timeout=httpx.Timeout(CALL_S, connect=_CONNECT_S),
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={
                "User-Agent": "ert-dashboard",
                "Accept": "application/vnd.github+json",
                "Accept-Encoding": "identity",
                "X-GitHub-Api-Version": VERSION,
            },
        )

    def close(self) -> None:
        self._http.close()

    def wake(self, interrupt: Interrupt, machines: int = 1) -> Wake:  # noqa: ARG002 - it wakes all
        """Start the workflow, unless a run is under way or must not follow; ready: the run of this period succeeded.

        It wakes all machines, whatever number is to be ready.
        Never raises but `Interrupted`: what is in the way is the result's problem.
        """
        try:
            return self._wake(interrupt)
        except _Trouble as trouble:
            return trouble.wake

    def _wake(self, interrupt: Interrupt) -> Wake:
        began, self._asked = self._asked, self._clock.monotonic()
        runs, now = self._runs(interrupt)
        if self._asked - began > PERIOD_S:
            self._period = now
        if (known := self._by(runs, now)) is not None:
            return known
        if self._asked - self._sent < APPEARS_S:
            return Wake(after=AGAIN_S)
        recent = sorted(run.begun for run in runs if now - run.begun < _HOUR_S)
        if len(recent) >= self._workflow.runs_per_hour:
            left = recent[-self._workflow.runs_per_hour] + _HOUR_S - now
            said = f"{self._workflow.file} was started {len(recent)} times in the last hour"
            return Wake(problem=f"{said}, {self._workflow.runs_per_hour} are allowed", after=max(AGAIN_S, left))
        self._start(interrupt)
        self._sent = self._clock.monotonic()
        return Wake(after=AGAIN_S)

    def _by(self, runs: list[_Run], now: float) -> Wake | None:
        """Return what follows from the runs; None if another may be started."""
        for run in runs:
            if not run.conclusion and now - run.begun < _OLDEST_S:
                if run.status == "waiting":
                    return Wake(problem=f"the workflow needs an approval: {run.url}", after=LATER_S)
                return Wake(after=AGAIN_S)
        since = max(self._period - PERIOD_S, now - HOLDS_S)
        mine = [run for run in runs if run.changed >= since]
        if not mine:
            return None
        last = max(mine, key=lambda run: run.begun)
        if last.conclusion == "success":
            return Wake(ready=True, after=AGAIN_S)
        return Wake(problem=f"the workflow finished with {last.conclusion!r}: {last.url}", lasting=True, after=LATER_S)

    def _runs(self, interrupt: Interrupt) -> tuple[list[_Run], float]:
        """Return the last runs, newest first, and the time by GitHub's clock."""
        query = {"event": "workflow_dispatch", "per_page": str(_MOST_RUNS)}
        status, body, headers = self._call("GET", "runs", interrupt, query=query)
        if status != 200:
            raise self._refused(status, body, headers)
        try:
            rows = protocol.parse_json(body)["workflow_runs"]
            now = parsedate_to_datetime(headers.get("date", "")).timestamp()
            return [_run(row) for row in rows], now
        except (protocol.Malformed, ValueError, TypeError, KeyError, AttributeError):
            raise _Trouble("GitHub's list of runs cannot be read") from None

    def _start(self, interrupt: Interrupt) -> None:
        order = {"ref": self._workflow.ref, "inputs": dict(self._workflow.inputs)}
        status, body, headers = self._call("POST", "dispatches", interrupt, order=order)
        if status not in (200, 204):
            raise self._refused(status, body, headers)

    def _call(
        self, method: str, what: str, interrupt: Interrupt, *, query: Any = None, order: Any = None
    ) -> tuple[int, bytes, httpx.Headers]:
        workflow = self._workflow
        url = f"{workflow.api}/repos/{workflow.repository}/actions/workflows/{workflow.file}/{what}"
        headers = {"Authorization": f"Bearer {workflow.token.reveal()}"}
        request = self._http.build_request(method, url, params=query, json=order, headers=headers)
        try:
            return calls.whole_response(self._http, request, interrupt, calls.Limits(CALL_S, _LARGEST_ANSWER))
        except calls.NoAnswer as error:
            raise _Trouble(f"GitHub {error}") from None

    def _refused(self, status: int, body: bytes, headers: httpx.Headers) -> _Trouble:
        """Return in words why GitHub does not start it."""
        workflow, said = self._workflow, self._said(body)
        after = calls.retry_after(headers, _HOUR_S)
        if status == 401:
            return _Trouble(
                f"GitHub does not accept the token: it is wrong, expired or revoked ({TOKEN})", lasting=True
            )
        if status == 429 or (status == 403 and (after is not None or headers.get("x-ratelimit-remaining") == "0")):
            return _Trouble("GitHub takes no more requests with this token for now", after=after or LATER_S)
        if status == 403:
            needed = f"it needs Actions (read and write) of {workflow.repository}"
            return _Trouble(f"the token may not start the workflow: {needed} ({TOKEN}){said}", lasting=True)
        if status == 404:
            where = f"{workflow.file} in {workflow.repository}"
            return _Trouble(f"GitHub knows no {where}, or the token does not reach it ({WORKFLOW})", lasting=True)
        if status == 422:
            names = ", ".join(workflow.inputs) or "none"
            needed = f"`workflow_dispatch` on {workflow.ref} with the inputs {names}"
            return _Trouble(f"GitHub does not start {workflow.file}, which needs {needed}{said}", lasting=True)
        if 300 <= status < 400:
            return _Trouble(f"{workflow.repository} was renamed or moved ({WORKFLOW})", lasting=True)
        return _Trouble(f"GitHub cannot start the workflow at the moment (HTTP {status})", after=after)

    def _said(self, body: bytes) -> str:
        try:
            text = protocol.error_text(protocol.parse_json(body).get("message")) or ""
        except protocol.Malformed:
            return ""
        text = text.replace(self._workflow.token.reveal(), "***")[:_LONGEST_SAID].rstrip(".")
        return f": {text}" if text else ""


def _run(row: dict[str, Any]) -> _Run:
    conclusion = row["conclusion"] or ""
    url = row["html_url"]
    if not isinstance(conclusion, str) or not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise ValueError(row)
    return _Run(_time(row["created_at"]), _time(row["updated_at"]), str(row["status"]), conclusion[:40], url[:300])


def _time(text: str) -> float:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found.timestamp()

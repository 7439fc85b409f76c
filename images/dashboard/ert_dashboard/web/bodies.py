"""JSON bodies of the dashboard's routes and live events, as types: mypy holds the code to them. No I/O.

`ci.openapi` writes the OpenAPI document from them, and the page's TypeScript types from that.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from ert_dashboard.backend import guard_word
from ert_dashboard.backend.readiness import BackendHealth
from ert_dashboard.base.owned import Configuration
from ert_dashboard.reports.figures import Figure
from ert_dashboard.storage.job import ReportData
from ert_dashboard.web.report_body import Report

# "delayed": the key value store does not carry the events of other processes now, and pages have to ask.
Updates = Literal["live", "delayed"]


class Problem(TypedDict):
    """Refusal or failure; `error` may be shown to people."""

    success: Literal[False]
    error: str
    configuration: NotRequired[Configuration]
    known_tickers: NotRequired[list[str]]
    login: NotRequired[str]


class Ready(TypedDict):
    """Whether the backend takes a report now, and why not."""

    ready: bool
    reason: str
    configuration: Configuration
    checked_at: str
    backend: BackendHealth


class StatusUpdate(TypedDict):
    """State of the dashboard and its latest reports; the live event `status_update`."""

    status: Literal["online"]
    timestamp: str
    version: str
    configuration: Configuration
    problem: str | None
    active_reports: int
    queue_size: int
    max_queue_size: int
    updates: Updates
    reports: list[ReportData]


class Summary(StatusUpdate):
    """State of the dashboard and its latest reports."""

    success: Literal[True]


class GenerateRequest(TypedDict):
    """Subject of a report; `data` is a company document of the caller's, instead of the dashboard's source."""

    ticker: str
    data: NotRequired[dict[str, Any]]


class Generated(TypedDict):
    """A queued report."""

    success: Literal[True]
    report_id: str
    message: str
    validated: Literal[True]
    note: str


class Empty(TypedDict):
    """A body without fields; no body at all is the same."""


class LastWordMessage(TypedDict):
    """The guard's last message: the limit that was reached in `seconds`, `at` in Unix seconds, two values in hex."""

    version: Literal[1]
    state: guard_word.State
    reason: guard_word.Reason
    seconds: float | None
    at: float
    run: str
    certificate: str


class AbortRequest(TypedDict):
    """Which report to abort; all without `report_id`."""

    report_id: NotRequired[str]


class Aborted(TypedDict):
    """The reports that are being aborted."""

    success: Literal[True]
    message: str
    aborted: list[str]


class Done(TypedDict):
    """Nothing to say but that it is done."""

    success: Literal[True]
    message: str


class Reports(TypedDict):
    """The latest reports, newest first."""

    success: Literal[True]
    reports: list[ReportData]
    count: int


class FullReport(TypedDict):
    """A report; `draft` has the sections so far while there is no `report` yet."""

    success: Literal[True]
    report_id: str
    data: ReportData
    report: Report | None
    draft: dict[str, str]
    figures: list[Figure]


class AuditEntry(TypedDict):
    """A login, a rejected one, a logout, a deletion or a request to wake; `client` is the address that it came from."""

    at: str
    what: str
    client: str
    about: str


class Audit(TypedDict):
    """The newest entries of the audit, newest first."""

    success: Literal[True]
    entries: list[AuditEntry]


class Company(TypedDict):
    """Company in search results; `symbol` is `ticker` under ERT's name."""

    ticker: str
    symbol: str
    name: str
    sector: str | None
    fictional: bool
    as_of: str | None
    data_label: str


class Companies(TypedDict):
    """Search results: at most 20 of `count`."""

    success: Literal[True]
    results: list[Company]
    count: int
    source: str


class WatchlistRequest(TypedDict):
    """Tickers to price, at most 50."""

    tickers: list[str]


class Price(TypedDict):
    """Price of a company, if its source states one."""

    price: float | None
    currency: str | None
    as_of: str | None
    data_label: str
    note: str | None


class Prices(TypedDict):
    """Prices by ticker, and the tickers without data."""

    success: Literal[True]
    prices: dict[str, Price]
    unknown: list[str]
    source: str


class ReportUpdate(TypedDict):
    """A change of a report; the live event `report_update`."""

    report_id: str
    data: ReportData


class ReportCompleted(ReportUpdate):
    """The end of a report; the live event `report_completed`."""

    success: bool

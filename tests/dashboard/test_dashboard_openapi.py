"""The dashboard's OpenAPI document: its operations are what the app registers, its bodies what the app sends."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ci.openapi import dashboard as described
from ci.openapi.document import document
from ert_dashboard.auth.password import hash_password
from ert_dashboard.backend.guard_word import certificate_of, signature
from ert_dashboard.base.secret import Secret
from ert_dashboard.market.model import Company, SourceAway
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard, create_dashboard
from ert_dashboard.web.routes import ROUTES, Access, blueprint
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import ask, ended, until
from tests.support.doubles.agent import WAKING, AgentDouble
from tests.support.openapi import Witness

Start = Callable[[dict[str, str]], Dashboard]
PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
ORIGIN = {"Origin": "http://localhost"}
STATUS = {
    "uptime": 7200.0,
    "queue": {"depth": 1, "active": 1, "limit": 8},
    "gpu": [{"name": "RTX 4090", "memory_total_mb": 24564.0, "memory_used_mb": "a lot"}],
    "idle_seconds": 12.5,
    "progress": {"phase": "loading", "completed": 1, "total": 2},
    "price_per_hour": 0.3,
}
ROW = {"fact_id": "beta", "label": "Beta", "value": 1.2, "display": "1.20", "unit": "ratio", "own": True}
METADATA = {"model": "gpt-oss:20b", "report": {"rating": "hold", "tables": [{"title": "T", "rows": [ROW]}], "x": 1}}


@pytest.fixture
def witness() -> Witness:
    return Witness(document(described.service()))


class Caller:
    """Sends requests to a dashboard, and checks every response against the document."""

    def __init__(self, dashboard: Dashboard, witness: Witness) -> None:
        self.dashboard, self.witness = dashboard, witness
        self.client: Any = dashboard.app.test_client()

    def __call__(self, method: str, path: str, status: int, **options: Any) -> Any:
        with self.client.open(path, method=method, **options) as answer:
            assert answer.status_code == status, answer.text
            self.witness.check(method, path, status, answer.mimetype, answer.get_json(silent=True))
            if status < 300 and "json" in options:
                self.witness.taken(method, path, options["json"])
            return answer


@pytest.fixture
def locked(environ: dict[str, str], start: Start) -> Dashboard:
    return start({**environ, "ERT_DASHBOARD_PASSWORD_HASH": HASH})


def test_the_app_registers_the_operations_of_the_table_and_no_other(locked: Dashboard, witness: Witness) -> None:
    rules = [rule for rule in locked.app.url_map.iter_rules() if rule.endpoint != "static"]
    registered = {(method, rule.rule, rule.endpoint) for rule in rules for method in rule.methods or ()}
    added = {entry for entry in registered if entry[0] in {"HEAD", "OPTIONS"}}
    assert registered - added == {(route.method, route.path, route.endpoint) for route in ROUTES}
    shown = {f"{method} {path}".replace("<", "{").replace(">", "}") for method, path, _ in registered - added}
    assert witness.operations() == shown


def test_without_a_password_only_the_login_is_missing(dashboard: Dashboard) -> None:
    endpoints = {rule.endpoint for rule in dashboard.app.url_map.iter_rules()} - {"static"}
    assert endpoints == {route.endpoint for route in ROUTES if not route.endpoint.startswith("login.")}


def test_a_blueprint_with_other_views_than_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="deployment: the table has"):
        blueprint("deployment", another=print)


def test_the_access_of_an_operation_is_what_the_gate_asks_for(locked: Dashboard) -> None:
    client = locked.app.test_client()
    paths = {route.endpoint: (re.sub(r"<.+?>", "x", route.path), route.method) for route in ROUTES}
    asked = {name: client.open(path, method=method, json={}) for name, (path, method) in paths.items()}
    needs_login = {name for name, answer in asked.items() if "login" in (answer.get_json(silent=True) or {})}
    assert needs_login == {route.endpoint for route in ROUTES if route.access is Access.LOGIN}


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/openapi/dashboard.json"])
def test_the_document_is_not_served(client: Any, path: str) -> None:
    assert client.get(path).status_code == 404


@dataclass(frozen=True)
class World:
    """What a scene needs; `caller` starts a dashboard with a store of its own."""

    environ: dict[str, str]
    start: Start
    backend: FakeBackend
    witness: Witness
    count: Iterator[int]

    def caller(self, **changes: str) -> Caller:
        database = f"{self.environ['ERT_DASHBOARD_DB']}.{next(self.count)}"
        return Caller(self.start({**self.environ, "ERT_DASHBOARD_DB": database, **changes}), self.witness)


def reports(world: World) -> None:
    world.backend.metadata = METADATA
    call = world.caller()
    page = call.dashboard.socketio.test_client(call.dashboard.app)
    call("GET", "/", 200)
    call("GET", "/health", 200)
    call("GET", "/health/worker", 200)
    call("GET", "/ready", 200)
    call("POST", "/api/generate", 200, json={"ticker": "AAPL"})
    report_id = ask(call.client, "MSFT")
    ended(call.client, report_id)
    assert call("GET", f"/api/reports/{report_id}", 200).json["figures"][0]["value"] == 1.2
    call("GET", f"/reports/{report_id}.md", 200)
    call("GET", "/api/export", 200)
    assert call("GET", "/api/status", 200).json["reports"]
    assert call("GET", "/api/reports?limit=5", 200).json["count"] == 2
    call("POST", "/api/abort", 200, json={})
    call("POST", "/api/abort", 409, json={"report_id": report_id})
    call("POST", f"/api/reports/{report_id}/abort", 409, json={})
    call("POST", "/api/reset_abort", 200, json={})
    events = page.get_received()
    for event in events:
        described_as = world.witness.document["x-live-events"][event["name"]]
        world.witness.valid(described_as, event["args"][0], event["name"])
    assert {event["name"] for event in events} == set(world.witness.document["x-live-events"])
    page.disconnect()


def a_report_that_is_being_written(world: World) -> None:
    world.backend.held = True
    world.backend.reports.clear()
    call = world.caller()
    report_id = ask(call.client)
    until(lambda: world.backend.reports)
    world.backend.only().write(2)
    until(lambda: call("GET", f"/api/reports/{report_id}", 200).json["draft"])
    call("POST", f"/api/reports/{report_id}/delete", 409, json={})
    call("POST", f"/api/reports/{report_id}/abort", 200, json={})
    ended(call.client, report_id)
    rest = call("POST", f"/api/reports/{report_id}/resume", 200, json={}).json["report_id"]
    call("POST", f"/api/reports/{rest}/resume", 409, json={})
    call("POST", f"/api/reports/{report_id}/delete", 200, json={})
    assert call("GET", "/api/audit", 200).json["entries"]


def companies(world: World) -> None:
    call = world.caller()
    assert call("GET", "/api/search_tickers?q=a", 200).json["results"]
    prices = call("POST", "/api/watchlist_prices", 200, json={"tickers": ["AAPL", "ZZZT", "TSLA"]}).json
    assert (len(prices["prices"]), prices["unknown"]) == (2, ["TSLA"])


def the_machine(world: World) -> None:
    assert world.caller()("GET", "/api/deployment", 200).json["gpus"] is None
    world.backend.status = STATUS
    found = world.caller()("GET", "/api/deployment", 200).json
    assert None not in (found["gpus"], found["progress"], found["queue"], found["spend"])
    world.backend.loading = {"phase": "pulling", "completed": 1, "total": 2}
    world.caller()("GET", "/ready", 503)
    world.backend.loading = None


def the_metrics(world: World) -> None:
    token = "metrics-token-0123456789"
    call = world.caller(ERT_METRICS_TOKEN=token)
    call("GET", "/metrics", 401)
    call("GET", "/metrics", 200, headers={"Authorization": f"Bearer {token}"})
    world.caller()("GET", "/metrics", 404)


def refusals(world: World) -> None:
    call = world.caller()
    call("POST", "/api/generate", 400, json={"ticker": "?"})
    call("POST", "/api/generate", 404, json={"ticker": "TSLA"})
    call("POST", "/api/generate", 415, data="x")
    call("POST", "/api/generate", 403, json={}, headers={"Sec-Fetch-Site": "cross-site"})
    call("POST", "/api/generate", 413, data=b"{" + b" " * 100_000, content_type="application/json")
    call("POST", "/api/watchlist_prices", 400, json={"tickers": "AAPL"})
    call("GET", "/api/reports?limit=x", 400)
    for path in ("/api/reports/x", "/reports/x.md"):
        call("GET", path, 404)
    for what in ("abort", "delete", "resume"):
        call("POST", f"/api/reports/x/{what}", 404, json={})
    call("POST", "/api/abort", 404, json={"report_id": "x"})


def without_a_backend(world: World) -> None:
    found = world.start({"ERT_DASHBOARD_DB": f"{world.environ['ERT_DASHBOARD_DB']}.none"})
    call = Caller(found, world.witness)
    call("POST", "/api/generate", 409, json={"ticker": "AAPL"})
    call("GET", "/ready", 503)
    assert call("GET", "/api/deployment", 200).json["state"] == "not_configured"


def without_its_source(world: World) -> None:
    call = world.caller()

    class Away:
        kind = "filings"
        search = staticmethod(call.dashboard.service.market.search)
        known = staticmethod(call.dashboard.service.market.known)

        def find(self, ticker: str) -> Company | None:
            raise SourceAway("the source does not answer now", 12.5)

    database = f"{world.environ['ERT_DASHBOARD_DB']}.away"
    found = create_dashboard(read_settings({**world.environ, "ERT_DASHBOARD_DB": database}), market=Away())
    try:
        Caller(found, world.witness)("POST", "/api/generate", 503, json={"ticker": "AAPL"})
    finally:
        found.close()


def the_login(world: World) -> None:
    call = world.caller(ERT_DASHBOARD_PASSWORD_HASH=HASH)
    call("GET", "/login", 200)
    call("GET", "/api/status", 401)
    call("POST", "/login", 303, data={"password": PASSWORD}, headers=ORIGIN)
    call("GET", "/api/status", 200)
    call("POST", "/logout", 303, headers=ORIGIN)
    for _ in range(4):
        call("POST", "/login", 401, data={"password": "no"}, headers=ORIGIN)
    call("POST", "/login", 429, data={"password": "no"}, headers=ORIGIN)
    call("POST", "/logout", 401, json={})


def a_full_queue(world: World) -> None:
    world.backend.held = True
    call = world.caller(MAX_QUEUE_SIZE="1", ERT_DASHBOARD_WORKERS="1")
    aborted = ask(call.client)
    until(lambda: aborted in world.backend.reports)
    world.backend.reports[aborted].write(2)
    until(lambda: call.client.get(f"/api/reports/{aborted}").json["draft"])
    call("POST", f"/api/reports/{aborted}/abort", 200, json={})
    ended(call.client, aborted)
    ask(call.client)
    until(lambda: call.client.get("/health").json["active_reports"] == 1)
    ask(call.client)
    call("POST", "/api/generate", 429, json={"ticker": "AAPL"})
    call("POST", f"/api/reports/{aborted}/resume", 429, json={})


def the_wakes(world: World) -> None:
    world.caller()("POST", "/api/wake", 409, json={})
    agent = AgentDouble()
    world.backend.sleep()
    try:
        call = world.caller(**agent.environ(), ERT_DASHBOARD_WAKES_PER_HOUR="1")
        call("POST", "/api/wake", 200, json={})
        call.dashboard.service.store.waker.settle()
        call("POST", "/api/wake", 429, json={})
        agent.state.update(WAKING)
        assert call("GET", "/api/deployment", 200).json["wake"]["stage"] == "load"
    finally:
        agent.kill()
        world.backend.wake()


def a_last_word(world: World) -> None:
    call = world.caller()
    path, key = "/api/machine/last-message", Secret(world.backend.key)

    def send(status: int, at: float, *, signed: bool = True) -> None:
        said = {"version": 1, "state": "stopping", "reason": "idle", "seconds": 9.0, "at": at, "run": "ab"}
        body = json.dumps(said | {"certificate": certificate_of(world.backend.pem)}).encode()
        shown = {"X-Ert-Signature": signature(key, body if signed else b"")}
        call("POST", path, status, data=body, headers=shown, content_type="application/json")

    now = call.dashboard.service.clock.wall()
    for status, at in ((200, now), (409, now), (400, -1.0)):
        send(status, at)
    send(401, now, signed=False)
    send(409, now)
    send(429, now)


SCENES = (
    a_last_word,
    the_wakes,
    reports,
    a_report_that_is_being_written,
    companies,
    the_machine,
    the_metrics,
    refusals,
    without_a_backend,
    without_its_source,
    the_login,
    a_full_queue,
)


def test_every_response_that_is_described_is_sent_and_valid(
    environ: dict[str, str], start: Start, backend: FakeBackend, witness: Witness
) -> None:
    world = World(environ, start, backend, witness, itertools.count())
    for scene in SCENES:
        backend.held = False
        scene(world)
    assert witness.described() - witness.seen == set()

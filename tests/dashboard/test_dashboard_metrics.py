"""Metrics endpoint: one scrape has both sides, counts each thing once, and is empty without its token."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ert_dashboard.backend.checks import Checks, Look, Result
from ert_dashboard.backend.fleet import State
from ert_dashboard.backend.readiness import CACHE_S
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.exposition import Family, Histogram, Sample, exposition
from ert_dashboard.reports.tally import Tally
from ert_dashboard.settings import read_settings
from ert_dashboard.storage.interface import StoreTrouble
from ert_dashboard.storage.job import Job, Status
from ert_dashboard.web.app import Dashboard, create_dashboard
from ert_dashboard.web.metrics import FAMILIES
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import replicas
from tests.support.dashboard.following import until
from tests.support.dashboard.manual_clock import WoundClock

TOKEN = "metrics-token-0123456789"
KEYED = {"Authorization": f"Bearer {TOKEN}"}
STATUS = {
    "uptime": 7200.0, "queue": {"depth": 1, "active": 1, "limit": 8}, "idle_seconds": 12.5, "total_reports": 3,
    "price_per_hour": 0.36, "idle_stop_seconds": 1200,
    "gpu": [{"name": "RTX", "memory_total_mb": 24.0, "memory_used_mb": 12.0, "utilization_percent": 50.0}],
}  # fmt: skip


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
def dashboard(environ: dict[str, str], clock: WoundClock, backend: FakeBackend) -> Iterator[Dashboard]:
    backend.status = STATUS
    told = {**environ, "ERT_METRICS_TOKEN": TOKEN, "ERT_DAILY_BUDGET_USD": "2.5"}
    made = create_dashboard(read_settings(told), clock=clock)
    yield made
    made.close()


def scrape(dashboard: Dashboard) -> dict[str, float]:
    """Return all samples by name and labels."""
    answer = dashboard.app.test_client().get("/metrics", headers=KEYED)
    assert answer.status_code == 200
    samples = [s for family in text_string_to_metric_families(answer.text) for s in family.samples]
    return {s.name + "".join(f" {value}" for value in s.labels.values()): s.value for s in samples}


def test_one_scrape_has_the_dashboard_the_backend_the_gpu_and_the_cost(dashboard: Dashboard, clock: WoundClock) -> None:
    first = scrape(dashboard)
    assert first["ert_backend_state ready"] == 1
    assert sum(value for name, value in first.items() if name.startswith("ert_backend_state ")) == 1
    assert (first["ert_backend_uptime_seconds"], first["ert_backend_idle_seconds"]) == (7200.0, 12.5)
    assert (first["ert_backend_queue waiting"], first["ert_backend_queue active"]) == (1, 1)
    assert (first["ert_gpu_utilization_ratio 0"], first["ert_gpu_memory_used_bytes 0"]) == (0.5, 12 * 1024**2)
    assert "ert_gpu_temperature_celsius 0" not in first  # not reported, so not made up
    assert first["ert_backend_certificate_expiry_timestamp_seconds"] > clock.now - 1e9
    assert (first["ert_daily_budget_usd"], first["ert_price_usd_per_hour"]) == (2.5, 0.36)
    assert first["ert_spend_usd_total"] == 0.0
    clock.go(100.0)
    assert scrape(dashboard)["ert_spend_usd_total"] == pytest.approx(0.01)


def test_price_and_cost_are_of_all_machines(environ: dict[str, str], clock: WoundClock, tmp_path: Path) -> None:
    backends = [FakeBackend(), FakeBackend()]
    try:
        told = {**environ, **replicas(backends, tmp_path, 60), "ERT_METRICS_TOKEN": TOKEN}
        made = create_dashboard(read_settings(told), clock=clock)
        fleet = made.service.fleet
        assert fleet is not None
        assert "ert_spend_usd_total" not in scrape(made)
        for lane, price in zip(fleet.lanes, (0.36, 0.72), strict=True):
            fleet.measure(lane, {**STATUS, "price_per_hour": price})
        assert scrape(made)["ert_price_usd_per_hour"] == pytest.approx(1.08)
        clock.go(100.0)
        assert scrape(made)["ert_spend_usd_total"] == pytest.approx(0.03)
        fleet.mark(fleet.lanes[1], State.DOWN, "gone")
        scrape(made)
        clock.go(100.0)
        found = scrape(made)
        assert (found["ert_price_usd_per_hour"], found["ert_spend_usd_total"]) == pytest.approx((0.36, 0.04))
        made.close()
    finally:
        for backend in backends:
            backend.close()


def test_a_check_counts_once_and_a_machine_that_was_idle_is_asleep_and_not_failed(
    dashboard: Dashboard, backend: FakeBackend, clock: WoundClock
) -> None:
    scrape(dashboard)
    assert scrape(dashboard)["ert_backend_health_checks_total ok"] == 1
    backend.sleep()
    clock.go(1200.0)
    assert scrape(dashboard)["ert_backend_health_checks_total asleep"] == 1
    backend.wake()
    clock.go(2 * CACHE_S)
    scrape(dashboard)
    backend.sleep()
    clock.go(60.0)
    scrape(dashboard)
    clock.go(3600.0)  # a silence that began as a failure stays one
    found = scrape(dashboard)
    counts = {name.rpartition(" ")[2]: found[name] for name in found if name.startswith("ert_backend_health_checks")}
    assert counts == {"ok": 2, "starting": 0, "asleep": 1, "failed": 2}
    assert found["ert_backend_state asleep"] == 1
    assert found["ert_spend_usd_total"] == pytest.approx((300.0 + 60.0) * 0.36 / 3600)  # a long gap is not guessed
    backend.wake()


def test_reports_are_counted_with_their_time(environ: dict[str, str], start: Callable[..., Dashboard]) -> None:
    made = start({**environ, "ERT_METRICS_TOKEN": TOKEN})
    client: Any = made.app.test_client()
    report = client.post("/api/generate", json={"ticker": "AAPL"}).json["report_id"]
    until(lambda: client.get(f"/api/reports/{report}").json["data"]["status"] == "completed")
    for _ in range(2):
        found = scrape(made)
        assert found["ert_reports_finished_total completed"] == 1
        assert found["ert_reports_finished_total failed"] == 0
        assert found["ert_report_duration_seconds_count"] == 1
        assert found["ert_report_duration_seconds_bucket +Inf"] == 1


def test_nothing_is_shown_without_the_token_or_where_none_is_set(
    dashboard: Dashboard, environ: dict[str, str], start: Callable[..., Dashboard]
) -> None:
    client = dashboard.app.test_client()
    for headers in ({}, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "B\xe9"}):
        answer = client.get("/metrics", headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "ert_" not in answer.text
    assert start(environ).app.test_client().get("/metrics", headers=KEYED).status_code == 404
    with pytest.raises(BadSetting, match="ERT_METRICS_TOKEN"):
        read_settings({**environ, "ERT_METRICS_TOKEN": "short"})


def test_a_login_does_not_hide_it_from_prometheus(environ: dict[str, str], start: Callable[..., Dashboard]) -> None:
    proxied = {"ERT_DASHBOARD_LOGIN_HEADER": "X-User", "ERT_DASHBOARD_TRUSTED_PROXIES": "10.0.0.0/8"}
    made = start({**environ, **proxied, "ERT_METRICS_TOKEN": TOKEN})
    assert made.app.test_client().get("/api/status").status_code == 403
    assert scrape(made)["ert_backend_configured"] == 1


def test_without_a_backend_or_a_store_it_says_so(
    dashboard: Dashboard, environ: dict[str, str], start: Callable[..., Dashboard], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = start({"ERT_METRICS_TOKEN": TOKEN, "ERT_DASHBOARD_DB": environ["ERT_DASHBOARD_DB"]})
    found = scrape(alone)
    assert (found["ert_backend_configured"], found["ert_backend_health_checks_total failed"]) == (0, 0)
    assert not [name for name in found if name.startswith(("ert_spend", "ert_backend_certificate"))]

    def away(*_: object) -> list[Job]:
        raise StoreTrouble("away")

    monkeypatch.setattr(dashboard.service.store, "latest", away)
    assert scrape(dashboard)["ert_dashboard_store_up"] == 0


def test_every_metric_is_described_and_promtool_finds_no_fault(dashboard: Dashboard) -> None:
    text = dashboard.app.test_client().get("/metrics", headers=KEYED).text
    described = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert described <= {family.name for family in FAMILIES}
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    found = subprocess.run(
        [promtool, "check", "metrics"], check=False, input=text, text=True, capture_output=True, timeout=60
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_text_is_escaped_and_a_family_without_a_sample_is_left_out() -> None:
    family = Family("x", "gauge", ("name",), "A name")
    assert exposition([(family, [])]) == ""
    text = exposition([(family, [Sample(2, {"name": 'a"\\\n'})])])
    assert text == '# HELP x A name\n# TYPE x gauge\nx{name="a\\"\\\\\\n"} 2.0\n'
    seconds = Histogram((1, 10))
    for value in (1.0, 5.0, 99.0):
        seconds.add(value)
    assert [(s.suffix, *s.labels.values(), s.value) for s in seconds.samples()] == [
        ("_bucket", "1.0", 1), ("_bucket", "10.0", 2), ("_bucket", "+Inf", 3), ("_sum", 105.0), ("_count", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "result"),
    [
        (None, "asleep"),
        (Look(1.0, responds=True, draining=True), "asleep"),
        (Look(1.0, responds=True, ready=True, idle=1150.0, idle_stop=1200.0), "asleep"),
        (Look(1.0, responds=True, ready=True, idle=10.0, idle_stop=1200.0), "failed"),
        (Look(1.0, responds=True, ready=True, idle=10.0, idle_stop=1200.0, speed=20.0), "asleep"),
        (Look(1.0, responds=True, ready=True, idle=9000.0, idle_stop=0.0), "failed"),
        (Look(1.0, responds=True, ready=True), "failed"),
    ],
)
def test_whether_a_silence_is_expected_is_told_from_the_last_response(last: Look | None, result: Result) -> None:
    checks = Checks()
    if last is not None:
        checks.count(last)
    checks.count(Look(61.0, responds=False))
    assert checks.counts[result] == 1


def test_a_machine_that_boots_or_has_failed_is_neither_good_nor_asleep() -> None:
    checks = Checks()
    checks.count(Look(1.0, responds=True))
    checks.count(Look(2.0, responds=True, failed=True))
    assert checks.counts == {"starting": 1, "failed": 1}


def test_a_tally_counts_what_was_finished_since_its_start_once() -> None:
    def job(name: str, status: Status, finished: float | None, accepted: float | None = 90.0) -> Job:
        return Job(name, "A", "A", "", 1.0, "", status=status, finished=finished, accepted=accepted, started=80.0)

    tally = Tally(100.0)
    jobs = [
        job("old", Status.COMPLETED, 99.0), job("a", Status.COMPLETED, 130.0), job("b", Status.FAILED, 140.0),
        job("c", Status.GENERATING, None), job("d", Status.COMPLETED, 150.0, accepted=None),
    ]  # fmt: skip
    for _ in range(2):
        tally.see(jobs)
    assert tally.counts == {Status.COMPLETED: 2, Status.FAILED: 1, Status.ABORTED: 0}
    *_, total, count = tally.seconds.samples()
    assert (total.value, count.value) == (40.0 + 70.0, 2)

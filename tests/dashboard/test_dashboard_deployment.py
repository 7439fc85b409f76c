"""Deployment endpoint: returns only values from the backend or the operator; others are null."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ert_dashboard.backend.readiness import CACHE_S
from ert_dashboard.backend.spend import Meter, Sample, seconds_up
from ert_dashboard.base.machine import Machine, read_machine
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard, create_dashboard
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.manual_clock import WoundClock

Start = Callable[[dict[str, str]], Dashboard]
STATUS = {
    "uptime": 7200.0,
    "queue": {"depth": 1, "active": 1, "limit": 8},
    "gpu": [{"name": "RTX 4090", "memory_total_mb": 24564.0, "memory_used_mb": "a lot"}],
    "idle_seconds": 12.5,
    "total_reports": 3,
}


def look(client: Any) -> dict[str, Any]:
    answer = client.get("/api/deployment")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def test_a_ready_machine_with_all_that_is_known(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    backend.status = STATUS
    told = {"ERT_GPU_PRICE_PER_HOUR": "0.25", "ERT_IDLE_STOP": "1200", "ERT_GPU_NAME": "RTX 4090"}
    found = look(start({**environ, **told}).app.test_client())
    assert (found["state"], found["backend"]["model"]) == ("ready", "gpt-oss:20b")
    assert (found["price_per_hour_usd"], found["idle_stop_seconds"], found["idle_seconds"]) == (0.25, 1200, 12.5)
    assert found["gpus"][0]["memory_total_mb"] == 24564.0
    assert found["gpus"][0]["memory_used_mb"] is None
    assert found["queue"] == {"depth": 1, "active": 1, "limit": 8}
    assert found["spend"]["usd"] == pytest.approx(0.5)
    assert [point["usd"] for point in found["spend"]["points"]] == [0.0, pytest.approx(0.5)]


def test_what_the_backend_says_of_itself_counts_and_stays_known_while_it_sleeps(
    environ: dict[str, str], backend: FakeBackend
) -> None:
    backend.status = {**STATUS, "gpu": None, "gpu_name": "RTX 3090", "price_per_hour": 0.3, "idle_stop_seconds": 900}
    clock = WoundClock()
    told = read_settings({**environ, "ERT_GPU_PRICE_PER_HOUR": "0.25", "ERT_GPU_NAME": "RTX 4090"})
    dashboard = create_dashboard(told, clock=clock)
    names = ("gpu_name", "price_per_hour_usd", "idle_stop_seconds")
    try:
        awake = look(dashboard.app.test_client())
        backend.sleep()
        clock.go(2 * CACHE_S)
        silent = look(dashboard.app.test_client())
        clock.go(950)
        asleep = look(dashboard.app.test_client())
    finally:
        dashboard.close()
        backend.wake()
    assert [awake[name] for name in names] == ["RTX 3090", 0.3, 900]
    assert (silent["state"], silent["silent_since"]) == ("unreachable", awake["checked_at"])
    assert (asleep["state"], asleep["silent_since"]) == ("asleep", awake["checked_at"])
    assert awake["silent_since"] is None
    assert [asleep[name] for name in names] == [awake[name] for name in names]
    assert asleep["spend"]["usd"] == awake["spend"]["usd"] == pytest.approx(0.6)


def test_in_a_sandbox_money_and_idleness_go_by_the_clock_of_its_provider(
    environ: dict[str, str], start: Start, backend: FakeBackend
) -> None:
    backend.status = {**STATUS, "uptime": 360.0, "idle_seconds": 30.0, "price_per_hour": 0.3, "clock_speed": 20}
    found = look(start(environ).app.test_client())
    assert found["spend"]["usd"] == pytest.approx(0.6), "six minutes here are two hours there"
    assert (found["idle_seconds"], found["uptime_seconds"], found["clock_speed"]) == (600, 7200, 20)


def test_what_nobody_said_is_null(client: Any) -> None:
    found = look(client)
    assert found["state"] == "ready"
    nothing = ("gpus", "gpu_name", "price_per_hour_usd", "idle_seconds", "idle_stop_seconds", "uptime_seconds", "spend")
    assert {name: found[name] for name in nothing} == dict.fromkeys(nothing)


def test_a_backend_of_nonsense_is_no_trouble(client: Any, backend: FakeBackend) -> None:
    backend.status = {
        "uptime": "x",
        "queue": 7,
        "gpu": {"name": 1},
        "idle_seconds": -1,
        "price_per_hour": True,
        "clock_speed": -1,
        "gpu_name": 7,
    }
    found = look(client)
    assert (found["uptime_seconds"], found["queue"], found["gpus"], found["price_per_hour_usd"]) == (None,) * 4


def test_asleep_booting_failed_and_draining(environ: dict[str, str], start: Start, backend: FakeBackend) -> None:
    def state() -> str:
        return str(look(start(environ).app.test_client())["state"])

    backend.loading = {"phase": "pulling", "completed": 1e9, "total": 4e9}
    backend.status = {"progress": backend.loading}
    assert state() == "booting"
    backend.status = {"progress": backend.loading, "woken": True}
    assert state() == "waking"
    backend.status = {"progress": {"phase": "failed"}}
    assert state() == "failed"
    backend.loading, backend.status = None, {"draining": True}
    assert state() == "draining"
    backend.sleep()
    try:
        assert state() == "asleep"
    finally:
        backend.wake()


def test_without_a_backend_nothing_is_asked(start: Start, tmp_path: Any) -> None:
    found = look(start({"ERT_DASHBOARD_DB": str(tmp_path / "r.sqlite3")}).app.test_client())
    assert (found["state"], found["backend"]) == ("not_configured", {})


def test_many_pages_cost_one_look_and_no_key_leaves(client: Any, backend: FakeBackend) -> None:
    backend.status = STATUS
    answers = {client.get("/api/deployment").text for _ in range(5)}
    assert len(answers) == 1
    assert KEY not in answers.pop()
    assert [seen.path for seen in backend.seen] == ["/health", "/status"]


@pytest.mark.parametrize("price", ["", "free", "nan", "inf", "-1", "1e9"])
def test_a_price_that_makes_no_sense_is_not_known(price: str) -> None:
    assert read_machine({"ERT_GPU_PRICE_PER_HOUR": price}) == Machine()


def test_spend_counts_each_run_of_the_machine_once() -> None:
    samples = [Sample(1000, 100), Sample(1060, 160), Sample(1300, None), Sample(2000, 50)]
    assert seconds_up(samples) == [(900, 0), (1000, 100), (1060, 160), (1300, 160), (1950, 160), (2000, 210)]


def test_the_meter_keeps_one_look_a_minute_and_the_latest() -> None:
    meter = Meter(every_s=60)
    for second in range(0, 300, 5):
        meter.see(Sample(second, second))
    kept = [sample.at for sample in meter.samples()]
    assert kept[-1] == 295
    assert len(kept) <= 7

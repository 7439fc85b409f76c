"""Screens with two replicas, at both widths: both up, a report on each, one asleep, one that wakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.rig import ask, violations
from tests.support.browser.sample_report import METADATA, STATUS, TEXTS
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import replicas
from tests.support.dashboard.following import until
from tests.support.doubles.agent import AgentDouble

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(280)]
OpenPage = Callable[..., Page]
Shoot = Callable[[Page, str], None]
SIZES = [("desktop", 1280, 900), ("phone", 375, 812)]


@pytest.fixture
def second() -> Iterator[FakeBackend]:
    found = FakeBackend()
    found.texts, found.metadata, found.status = dict(TEXTS), dict(METADATA), dict(STATUS)
    yield found
    found.close()


@pytest.fixture
def waker(backend: FakeBackend) -> Iterator[AgentDouble]:
    found = AgentDouble(woken=backend.wake, wakes_needed=10**6)
    yield found
    found.kill()


@pytest.fixture
def environ(backend: FakeBackend, second: FakeBackend, waker: AgentDouble, tmp_path: Path) -> dict[str, str]:
    return {**replicas([backend, second], tmp_path, 60), "ERT_GPU_PRICE_PER_HOUR": "0.31", **waker.environ()}


def test_two_replicas_on_the_screens(visit: OpenPage, shoot: Shoot, backend: FakeBackend, second: FakeBackend) -> None:
    page = visit()
    faults: dict[str, list[str]] = {}

    def look(name: str) -> None:
        for device, width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            shoot(page, f"replicas-{name}-{device}")
            wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
            faults[f"{name} {device}"] = [f"{wide} px too wide"] if wide > 0 else []
        faults[name] = violations(page)

    def up(text: str) -> None:
        page.goto("/#/status")
        expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=40_000)

    up("2 of 2")
    look("both-up")
    backend.held = second.held = True
    for ticker in ("AAPL", "MSFT"):
        page.goto("/#/")
        ask(page, ticker)
    until(lambda: len(backend.reports) == len(second.reports) == 1, 20)
    for one in (backend, second):
        one.only().tell("started", {}, "running")
        one.only().write(2)
    expect(page.get_by_text("2 of 5")).to_be_visible()
    look("report-on-both")
    page.goto("/#/")
    look("home-both-write")
    up("2 of 2")
    look("status-both-write")
    for one in (backend, second):
        one.only().finish()
    backend.held = second.held = False
    expect(page.get_by_text("0 at work, 0 waiting")).to_be_visible()
    backend.sleep()
    up("1 of 2")
    look("first-asleep")
    second.sleep()
    up("0 of 2")
    look("both-asleep")
    page.get_by_role("button", name="Wake the GPU").click()
    expect(page.locator(".state-name")).to_have_text("Backend waking")
    look("first-wakes")
    backend.wake()
    up("1 of 2")
    look("first-again")
    second.wake()
    assert {name: found for name, found in faults.items() if found} == {}

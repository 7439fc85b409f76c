"""Screens with two replicas, at both widths: both up, a report on each, one asleep, one that wakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import usual
from tests.support.browser.rig import Looks, ask
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
    with usual() as found:
        yield found


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
    look = Looks(page, shoot, SIZES)

    def up(text: str) -> None:
        page.goto("/#/status")
        expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=40_000)

    up("2 of 2")
    expect(page.get_by_text("$0.62 per hour")).to_be_visible()
    expect(page.get_by_text("$0.31 per hour, ")).to_have_count(2)
    look("replicas-both-up")
    backend.held = second.held = True
    for ticker in ("AAPL", "MSFT"):
        page.goto("/#/")
        ask(page, ticker)
    until(lambda: len(backend.reports) == len(second.reports) == 1, 20)
    for one in (backend, second):
        one.only().tell("started", {}, "running")
        one.only().write(2)
    expect(page.get_by_text("2 of 5")).to_be_visible()
    look("replicas-report-on-both")
    page.goto("/#/")
    look("replicas-home-both-write")
    up("2 of 2")
    look("replicas-status-both-write")
    for one in (backend, second):
        one.only().finish()
    backend.held = second.held = False
    expect(page.get_by_text("0 at work, 0 waiting")).to_be_visible()
    backend.sleep()
    up("1 of 2")
    expect(page.get_by_text("$0.31 per hour", exact=True)).to_be_visible()
    look("replicas-first-asleep")
    second.sleep()
    up("0 of 2")
    look("replicas-both-asleep")
    page.get_by_role("button", name="Wake the GPU").click()
    expect(page.locator(".state-name")).to_have_text("Backend waking")
    look("replicas-first-wakes")
    backend.wake()
    up("1 of 2")
    look("replicas-first-again")
    second.wake()
    assert look.faults == {}

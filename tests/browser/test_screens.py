"""Screens on desktop and phone, light and dark: screenshots, and no axe violations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.rig import ask, done, violations
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import until
from tests.support.nightly import nightly

OpenPage = Callable[..., Page]
Shoot = Callable[[Page, str], None]
DESKTOP, PHONE = ("desktop", 1280, 900), ("phone", 390, 844)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("device", "width", "height", "theme"),
    [(*DESKTOP, "light"), (*PHONE, "dark"), *nightly((*DESKTOP, "dark"), (*PHONE, "light"))],
)
def test_every_screen_is_accessible(
    visit: OpenPage, shoot: Shoot, backend: FakeBackend, device: str, width: int, height: int, theme: str
) -> None:
    page = visit(width=width, height=height, theme=theme)
    faults: dict[str, list[str]] = {}

    def look(name: str) -> None:
        shoot(page, f"{name}-{device}-{theme}")
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults[name] = [*violations(page), *([f"{wide} px too wide"] if wide > 0 else [])]

    expect(page.get_by_text("No report yet")).to_be_visible()
    expect(page.get_by_role("link", name="Backend ready")).to_be_visible()
    look("home-empty")
    page.get_by_role("combobox").click()
    expect(page.get_by_role("option").first).to_be_visible()
    look("home-search")
    page.get_by_role("combobox").fill("!!")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That is not a ticker")).to_be_visible()
    look("home-error")

    backend.held = True
    report = ask(page, "AAPL")
    until(lambda: report in backend.reports)
    backend.reports[report].write(2)
    expect(page.get_by_role("heading", name="Financial analysis")).to_be_visible()
    look("report-writing")
    page.get_by_role("button", name="Stop").click()
    look("report-stop")
    page.get_by_role("button", name="Keep writing").click()
    backend.reports[report].write(5, begin=3)
    backend.reports[report].finish()
    done(page)
    look("report-done")
    page.get_by_role("button", name="$391.03B").first.focus()
    expect(page.locator(".fact-card")).to_be_visible()
    look("report-fact")

    backend.refusal = (400, {"detail": "the figures do not fit together"})
    page.goto("/#/")
    ask(page, "ZZZT")
    expect(page.get_by_text("Failed", exact=True)).to_be_visible()
    look("report-failed")
    backend.refusal = None
    page.goto("/#/history")
    expect(page.get_by_text("2 of 2 reports")).to_be_visible()
    look("history")
    page.get_by_role("searchbox", name="Filter").fill("nothing")
    expect(page.get_by_text("No report matches")).to_be_visible()
    look("history-none")
    page.goto("/#/status")
    expect(page.get_by_text("RTX 3090")).to_be_visible()
    look("status")
    page.goto("/#/report/gone-1")
    expect(page.get_by_role("heading", name="No such report")).to_be_visible()
    look("report-missing")
    page.goto("/#/")
    expect(page.get_by_role("heading", name="Recent reports")).to_be_visible()
    expect(page.locator(".reports")).to_be_visible()
    look("home")
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.e2e
@pytest.mark.parametrize("theme", ["light", *nightly("dark")])
def test_the_screens_of_a_sleeping_and_a_booting_machine(
    visit: OpenPage, shoot: Shoot, backend: FakeBackend, theme: str
) -> None:
    backend.sleep()
    page = visit(theme=theme)
    faults: dict[str, list[str]] = {}

    def look(name: str) -> None:
        shoot(page, f"{name}-desktop-{theme}")
        faults[name] = violations(page)

    try:
        expect(page.get_by_text("The backend is asleep.")).to_be_visible()
        look("home-asleep")
        ask(page, "MSFT")
        expect(page.get_by_text("Backend asleep", exact=True).first).to_be_visible()
        expect(page.locator(".stage-detail")).to_contain_text("begins by itself")
        look("report-asleep")
        page.goto("/#/status")
        expect(page.locator(".state-name")).to_have_text("Backend asleep")
        look("status-asleep")
    finally:
        backend.loading = {"phase": "pulling", "completed": 6.1e9, "total": 13.8e9}
        backend.status = {**(backend.status or {}), "progress": backend.loading, "idle_seconds": 0}
        backend.wake()
    expect(page.locator(".state-name")).to_have_text("Backend booting", timeout=15_000)
    expect(page.get_by_text("44 %")).to_be_visible()
    look("status-booting")
    backend.status = {**backend.status, "woken": True, "uptime": 21.0}
    expect(page.locator(".state-name")).to_have_text("Backend waking", timeout=15_000)
    expect(page.locator(".state-card")).to_contain_text("It has been up for 21 s.")
    look("status-waking")
    page.go_back()
    expect(page.get_by_text("Backend waking", exact=True).first).to_be_visible(timeout=20_000)
    look("report-waking")
    backend.loading = None
    done(page)
    assert {name: found for name, found in faults.items() if found} == {}

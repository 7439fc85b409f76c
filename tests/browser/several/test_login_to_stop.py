"""A login by a link to a screen, a report that is followed and one that is stopped, at two instances."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.rig import ask, done
from tests.support.browser.several import PASSWORD, TwoInstances
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import until

pytestmark = pytest.mark.e2e
OpenPage = Callable[..., Page]


def log_in(page: Page) -> None:
    page.get_by_label("Password of this dashboard").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_a_login_by_a_link_a_report_followed_and_one_stopped(
    visit: OpenPage, backend: FakeBackend, dashboard: TwoInstances
) -> None:
    page = visit("/#/history")
    expect(page).to_have_url(f"{dashboard.url}/login#/history")
    page.get_by_label("Password of this dashboard").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    log_in(page)
    expect(page).to_have_url(f"{dashboard.url}/#/history")
    expect(page.get_by_role("heading", name="Reports")).to_be_visible()

    backend.held = True
    page.goto("/#/")
    report = ask(page, "AAPL")
    until(lambda: report in backend.reports)
    other = page.context.new_page()  # of the same login, at whichever instance
    other.goto(f"/#/report/{report}")
    backend.reports[report].write(1)
    for one in (page, other):
        expect(one.get_by_role("heading", name="Executive summary")).to_be_visible()
        expect(one.locator("[data-connection=live]")).to_be_attached()
    backend.reports[report].write(5, begin=2)
    backend.reports[report].finish()
    for one in (page, other):
        done(one)

    page.goto("/#/")
    stopped = ask(page, "NVDA")
    until(lambda: stopped in backend.reports)
    other.goto(f"/#/report/{stopped}")
    other.get_by_role("button", name="Stop").click()
    other.get_by_role("button", name="Stop report").click()
    for one in (page, other):
        expect(one.get_by_text("Stopped", exact=True)).to_be_visible()
    until(lambda: backend.deleted == [stopped])
    assert len(backend.reports) == 2

    page.goto("/nothing")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="To the reports").click()
    expect(page.get_by_role("combobox")).to_be_visible()

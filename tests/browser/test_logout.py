"""Logout: present only with a password, usable by mouse and keyboard, and effective on the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from ert_dashboard.auth.password import hash_password
from tests.support.browser.rig import Running, violations
from tests.support.nightly import nightly

pytestmark = pytest.mark.e2e
OpenPage = Callable[..., Page]
Shoot = Callable[[Page, str], None]
PASSWORD = "correct horse battery"


@pytest.fixture
def locked(environ: dict[str, str]) -> dict[str, str]:
    """Return the environment of the dashboard, with a password."""
    environ["ERT_DASHBOARD_PASSWORD_HASH"] = hash_password(PASSWORD)
    return environ


def log_in(page: Page) -> None:
    page.get_by_label("Password of this dashboard").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="Backend ready")).to_be_visible()


def test_logging_out_by_keyboard_ends_the_session_for_every_page(
    locked: dict[str, str], visit: OpenPage, dashboard: Running
) -> None:
    page = visit()
    log_in(page)
    other = page.context.new_page()
    other.goto("/#/history")
    expect(other.get_by_role("heading", name="Reports")).to_be_visible()
    before = page.context.cookies()
    way_out = page.get_by_role("button", name="Log out")
    page.get_by_role("button", name="Theme").focus()
    page.keyboard.press("Tab")
    expect(way_out).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{dashboard.url}/login")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.context.add_cookies([{"name": c["name"], "value": c["value"], "url": dashboard.url} for c in before])
    page.goto("/")
    expect(page).to_have_url(f"{dashboard.url}/login")
    expect(other).to_have_url(f"{dashboard.url}/login#/history", timeout=15_000)  # a login leads back to it


@pytest.mark.parametrize(
    ("device", "width", "theme"),
    [("desktop", 1280, "light"), ("phone", 360, "dark"), *nightly(("desktop", 1280, "dark"), ("phone", 360, "light"))],
)
def test_the_login_and_the_way_out_are_accessible(
    locked: dict[str, str], visit: OpenPage, shoot: Shoot, device: str, width: int, theme: str
) -> None:
    page = visit(width=width, theme=theme)
    shoot(page, f"login-{device}-{theme}")
    assert violations(page) == []
    page.get_by_label("Password of this dashboard").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    shoot(page, f"login-wrong-{device}-{theme}")
    assert violations(page) == []
    log_in(page)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    shoot(page, f"home-inside-{device}-{theme}")
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.goto("/login")
    expect(page.get_by_role("heading", name="You are logged in")).to_be_visible()
    shoot(page, f"login-inside-{device}-{theme}")
    assert violations(page) == []


def test_without_a_login_there_is_nothing_to_leave(visit: OpenPage) -> None:
    page = visit()
    expect(page.get_by_role("link", name="Backend ready")).to_be_visible()
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)

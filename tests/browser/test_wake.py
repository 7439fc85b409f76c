"""Screens of a machine that an agent wakes: by the button, or by a report behind a login; and the notification.

`make wake-screens` runs them, at both widths, checked by axe; their parts have tests in `frontend/test/wake.test.tsx`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ert_dashboard.auth.password import hash_password
from tests.support.browser.rig import Looks, ask, done
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.doubles.agent import AgentDouble, Refusal

pytestmark = [pytest.mark.e2e, pytest.mark.nightly]
OpenPage = Callable[..., Page]
Shoot = Callable[[Page, str], None]
PASSWORD = "correct horse battery"
SIZES = [("desktop", 1280, 900), ("phone", 390, 844)]
# The page's own notifications, seen by the test.
WITNESS = """
window.shown = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { window.shown.push("asked"); return (this.permission = "granted"); }
  constructor(title, options) { window.shown.push(`${title}: ${options.body}`); }
  close() {}
};
"""


@pytest.fixture
def agent(backend: FakeBackend) -> Iterator[AgentDouble]:
    found = AgentDouble(woken=backend.wake, wakes_needed=10**6)
    backend.sleep()
    yield found
    found.kill()
    if found.state["phase"] != "ready":
        backend.wake()


@pytest.fixture
def environ(backend: FakeBackend, agent: AgentDouble, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    login = {"ERT_DASHBOARD_PASSWORD_HASH": hash_password(PASSWORD)} if "login" in request.node.name else {}
    return {**complete(backend, tmp_path, 60), "ERT_GPU_PRICE_PER_HOUR": "0.31", **agent.environ(), **login}


def test_the_button_and_the_stages_of_a_wake(visit: OpenPage, shoot: Shoot, agent: AgentDouble) -> None:
    page = visit()
    look = Looks(page, shoot, SIZES)

    expect(page.get_by_text("the button wakes it")).to_be_visible()
    look("home-wake-button")
    ask(page, "AAPL")
    button = page.get_by_role("button", name="Wake the GPU")
    expect(button).to_be_visible()
    assert agent.wakes == 0
    agent.refusals = [Refusal(409, "budget", "the day's budget of $2.00 is spent")]
    button.click()
    expect(page.locator(".stage")).to_have_text("GPU not woken")
    expect(page.locator(".stage-detail")).to_have_text("The day's budget of $2.00 is spent. This report waits.")
    look("report-not-woken")
    agent.refusals = []
    page.goto("/#/status")
    button.click()
    expect(page.locator(".state-name")).to_have_text("Backend waking")
    expect(page.locator(".state-card")).to_contain_text("Ready in 1 min 20 s to 4 min, $0.31 per hour, about $0.02")
    look("status-wake")
    page.go_back()
    expect(page.locator(".stage")).to_have_text("Waking the GPU")
    expect(page.locator(".stage-detail")).to_have_text("Loading the model.")
    look("report-wake")
    agent.wakes_needed = 0
    done(page)
    assert look.faults == {}


def test_behind_a_login_a_report_is_enough_and_its_end_is_told(
    visit: OpenPage, shoot: Shoot, agent: AgentDouble
) -> None:
    page = visit("/login", listen=False)
    page.add_init_script(WITNESS)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("It will be woken by your report")).to_be_visible()
    expect(page.get_by_role("button", name="Wake the GPU")).to_have_count(0)
    shoot(page, "home-wake-login")
    ask(page, "AAPL")
    expect(page.locator(".stage")).to_have_text("Waking the GPU", timeout=20_000)
    assert page.evaluate("window.shown") == []
    page.get_by_label("Notify me when a report is done").check()
    expect(page.get_by_label("Notify me when a report is done")).to_be_checked()
    shoot(page, "report-wake-login")
    page.goto("/#/history")
    agent.wakes_needed = 0
    page.wait_for_function("() => window.shown.length === 2", timeout=30_000)
    assert page.evaluate("window.shown") == ["asked", "AAPL Apple Inc.: The report is complete."]

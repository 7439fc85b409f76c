"""Fixtures: a browser per test file, and a dashboard with a fake backend per test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.support.browser.rig import AXE, Running, browser_path
from tests.support.browser.sample_report import METADATA, STATUS, TEXTS
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import complete

SHOTS = Path(__file__).parent / "screenshots"
expect.set_options(timeout=20_000)  # other tests run in parallel
OpenPage = Callable[..., Page]
Theme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a Chromium per test file: its driver runs an event loop in this thread during its lifetime."""
    path = browser_path()
    if path is None or not AXE.is_file():
        missing = (
            "no Chromium here, set ERT_CHROMIUM to one"
            if path is None
            else "no axe here, `make frontend-test` installs it"
        )
        pytest.skip(missing)
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start as root.
        found = playwright.chromium.launch(executable_path=path, chromium_sandbox=os.geteuid() != 0)
        yield found
        found.close()


@contextmanager
def usual() -> Iterator[FakeBackend]:
    """Run a backend that writes the sample report."""
    found = FakeBackend()
    found.texts, found.metadata, found.status = dict(TEXTS), dict(METADATA), dict(STATUS)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    with usual() as found:
        yield found


@pytest.fixture
def environ(backend: FakeBackend, tmp_path: Path) -> dict[str, str]:
    return {**complete(backend, tmp_path, 60), "ERT_GPU_PRICE_PER_HOUR": "0.31", "ERT_IDLE_STOP": "1200"}


@pytest.fixture
def dashboard(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    found = Running(environ, tmp_path)
    found.start()
    yield found
    found.stop()
    # Socket.IO may log an error when a browser disconnects during a write; the dashboard itself must log none.
    assert not re.search(r'File ".*/ert_dashboard/', found.log())
    assert KEY not in found.log()


@pytest.fixture
def visit(browser: Browser, dashboard: Running) -> Iterator[OpenPage]:
    """Open pages in separate browser contexts; fail on errors in their consoles."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # The page handles failed requests; any other message is a bug.
        if (
            message.type in ("error", "warning")
            and "Failed to load resource" not in message.text
            and "WebSocket" not in message.text
        ):
            said.append(message.text)

    def open_page(
        path: str = "/",
        *,
        width: int = 1280,
        height: int = 900,
        theme: Theme = "light",
        listen: bool = True,
        **more: Any,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            locale="en-GB",
            base_url=dashboard.url,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        if listen:
            page.on("console", note)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Save a screenshot in a directory that is not committed."""
    SHOTS.mkdir(exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True, animations="disabled")

    return keep

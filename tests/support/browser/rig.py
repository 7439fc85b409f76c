"""A real dashboard on its own server, and the actions of a user in a browser. Ends only its own processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.support.dashboard.following import until

ROOT = Path(__file__).parents[3]
IMAGE = ROOT / "images" / "dashboard"
AXE = IMAGE / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
START = ("-m", "ert_dashboard", "--host", "127.0.0.1")
ANIMATED = """() => Promise.all(document.getAnimations()
    .filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => null)))"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser_path() -> str | None:
    """Return the path of Chromium: `ERT_CHROMIUM`, or the first of the usual names."""
    named = os.environ.get("ERT_CHROMIUM")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


class Running:
    """The dashboard as a process that can be restarted at the same address with the same store."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = int(found.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PORT": str(self.port), **environ}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "dashboard.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *START], cwd=IMAGE, env=self._environ, stdout=log, stderr=log
            )
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            until(lambda: _answers(client), 30)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
            self._process = None

    def log(self) -> str:
        return (self._folder / "dashboard.log").read_text()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def ask(page: Page, ticker: str) -> str:
    """Type a ticker and press the button; return the report's id."""
    page.get_by_role("combobox", name="Ticker or company").fill(ticker)
    expect(page.get_by_role("option")).to_have_count(1)  # the list is open and must not cover the button
    page.get_by_role("button", name="Write report", exact=True).click()
    page.wait_for_url("**/#/report/*")
    return page.url.rsplit("/", 1)[1]


def done(page: Page) -> None:
    expect(page.get_by_role("heading", name="Checks and gaps")).to_be_visible(timeout=15_000)


def violations(page: Page) -> list[str]:
    """Return the violations that axe reports on the current page, after all animations."""
    page.evaluate(ANIMATED)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:160]} {v['nodes'][0].get('failureSummary', '')}"
        for v in found
    ]


class Looks:
    """Takes a picture of the page at each size, and keeps what is too wide and what axe reports, by screen."""

    def __init__(self, page: Page, shoot: Callable[[Page, str], None], sizes: list[tuple[str, int, int]]) -> None:
        self._page, self._shoot, self._sizes = page, shoot, sizes
        self.faults: dict[str, list[str]] = {}

    def __call__(self, name: str) -> None:
        """Look at what is shown now."""
        for device, width, height in self._sizes:
            self._page.set_viewport_size({"width": width, "height": height})
            self._shoot(self._page, f"{name}-{device}")
            wide = self._page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wide > 0:
                self.faults[f"{name} {device}"] = [f"{wide} px too wide"]
        if found := violations(self._page):
            self.faults[name] = found

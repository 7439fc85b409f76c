"""A deployment with in-memory ports: passed to the application layer in place of a config's real providers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ert_deploy.app.deployment import Deployment
from ert_deploy.config import Endpoint, KeySource, Settings
from ert_deploy.config.providers import RENDER, VAST
from ert_deploy.core.model import events
from ert_deploy.core.model.desired import Desired
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld


def on_fakes(made: FakeWorld, desired: Desired = WANTED) -> Deployment:
    """Return the deployment of a config with `desired` on these ports."""
    settings = Settings(
        desired=desired,
        gpu=Endpoint(VAST, "", KeySource(VAST.name, VAST.key)),
        web=Endpoint(RENDER, "", KeySource(RENDER.name, RENDER.key)),
        state=Path(".ert") / "ert.json",
        sandbox=None,
        source=Path("configs") / "ert.yaml",
    )

    def connect(settings: Settings, audience: Audience, *, start_sandbox: bool, gpu: bool, web: bool) -> Session:
        return Session(settings, desired, replace(made.ports, audience=audience))

    return Deployment(settings, connector=connect)


class Watcher:
    """Progress that records all events and notes."""

    def __init__(self) -> None:
        self.events: list[events.Event] = []
        self.notes: list[str] = []

    def tell(self, event: events.Event) -> None:
        self.events.append(event)

    def note(self, text: str) -> None:
        self.notes.append(text)

"""A deployment on fakes with a budget: its machines are metered, and its ledger is a file of the working directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ert_deploy.adapters.metered_host import MeteredHost
from ert_deploy.adapters.state.ledger_file import LedgerFile
from ert_deploy.app.deployment import Deployment
from ert_deploy.core.ledger.model import DAY, Transition
from ert_deploy.core.ledger.policy import Budget
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.support.fakes.loopback import FakeWorld
from tests.support.ids import nth


def with_budget(plain: Deployment, budget: Budget) -> Deployment:
    """Return the deployment with this budget."""

    def connect(settings: Any, audience: Audience, **which: bool) -> Session:
        session = plain.connector(settings, audience, **which)
        ports = replace(session.ports, gpu=MeteredHost(session.ports.gpu, session.ports.clock))
        return replace(session, settings=settings, ports=ports)

    return replace(plain, settings=replace(plain.settings, budget=budget), connector=connect)


def store() -> LedgerFile:
    """Return the ledger."""
    return LedgerFile(Path(".ert") / "ert.ledger.json", "ert")


def spend(made: FakeWorld, dollars: float) -> None:
    """Write a machine into the ledger that cost so much today."""
    at = made.clock.now() // DAY * DAY
    old = [Transition("e" * 32, nth(77), "rented", at, disk=0.0), Transition("e" * 32, nth(77), "gone", at + 1.0)]
    spent = Transition("e" * 32, nth(77), "traffic", at, amount=dollars)
    store().save(store().load().adding([*old, spent]))

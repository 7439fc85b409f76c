"""Behaviours of instances on the in-memory market: set one in `FakeGpu.conduct` under a machine's id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from ert_deploy.core.model.errors import Transient
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.vast.messages import read
from tests.support.fakes.market import FakeInstance
from tests.support.vast.says import says

Conduct: TypeAlias = Callable[[FakeInstance], object]


def no_route() -> Transient:
    """Return the error of a call to a backend that cannot be reached."""
    return Transient("no route")


def stuck(made: FakeInstance) -> None:
    """It remains in the pull phase."""
    made.override = lambda i: replace(i, **says("loading"), message=read("pulling"), address=None)


def crawling(made: FakeInstance) -> None:
    """It makes progress and never finishes."""
    made.boot = 1e9


def sick(made: FakeInstance) -> None:
    """It reports that it cannot serve."""
    made.health = Health(Vital.UNHEALTHY, "it reports failed")


def impostor(made: FakeInstance) -> None:
    """Another server is at its address."""
    made.health = Health(Vital.IMPOSTOR, "it cannot prove its identity")


def unreachable(made: FakeInstance) -> None:
    """It is running and unreachable over the network."""
    made.health = Health(Vital.UNREACHABLE, "no route")


def overpriced(made: FakeInstance) -> None:
    """The contract costs more than the offer stated."""
    made.dph *= 3


def priceless(made: FakeInstance) -> None:
    """The contract's price is not a number."""
    made.dph = float("nan")


def unpullable(made: FakeInstance) -> None:
    """The host cannot pull the image."""
    made.override = lambda i: replace(i, **says("loading"), message=read("manifest unknown"), address=None)


def exited(made: FakeInstance) -> None:
    """The container exited by itself."""
    made.override = lambda i: replace(i, **says("exited"))


def stopped(made: FakeInstance) -> None:
    """It was stopped by its own guard or in the console."""
    made.override = lambda i: replace(i, **says("exited", "stopped", "stopped"), address=None)


def relabelled(made: FakeInstance) -> None:
    """Its label was changed in the console."""
    made.override = lambda i: replace(i, mark=None, claims=None, label_token="")


def without_environment(made: FakeInstance) -> None:
    """Its listing no longer includes the environment."""
    made.override = lambda i: replace(i, mark=None, born=None, owner="", spec="", key_hashes=(), boot_secret=Secret(""))

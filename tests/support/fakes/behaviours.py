"""How instances on the fake market may turn out: each of these is put in `FakeGpu.conduct` under a machine's id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from ert_deploy.core.model.errors import Transient
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.secret import Secret
from tests.support.fakes.market import FakeInstance

Conduct: TypeAlias = Callable[[FakeInstance], object]


def no_route() -> Transient:
    """A call to a backend that did not get through."""
    return Transient("no route")


def stuck(made: FakeInstance) -> None:
    """It never gets beyond pulling."""
    made.override = lambda i: replace(i, status="loading", message="pulling", address=None)


def crawling(made: FakeInstance) -> None:
    """It always moves and never arrives."""
    made.boot = 1e9


def sick(made: FakeInstance) -> None:
    """It says itself that it cannot serve."""
    made.health = Health(Vital.SICK, "it reports failed")


def impostor(made: FakeInstance) -> None:
    """Somebody else answers at its address."""
    made.health = Health(Vital.IMPOSTOR, "it cannot prove its identity")


def unreachable(made: FakeInstance) -> None:
    """It runs, and no packet of ours arrives."""
    made.health = Health(Vital.UNREACHABLE, "no route")


def overpriced(made: FakeInstance) -> None:
    """The contract costs more than the offer said."""
    made.dph *= 3


def priceless(made: FakeInstance) -> None:
    """The contract's price is not a number."""
    made.dph = float("nan")


def unpullable(made: FakeInstance) -> None:
    """The host cannot pull the image."""
    made.override = lambda i: replace(i, status="loading", message="manifest unknown", address=None)


def exited(made: FakeInstance) -> None:
    """The container ended by itself."""
    made.override = lambda i: replace(i, status="exited")


def stopped(made: FakeInstance) -> None:
    """Its own guard stopped it, or somebody in the console."""
    made.override = lambda i: replace(i, status="exited", intended="stopped", current="stopped", address=None)


def relabelled(made: FakeInstance) -> None:
    """Somebody changed its label in the console."""
    made.override = lambda i: replace(i, mark=None, claims=None, label_token="")


def without_environment(made: FakeInstance) -> None:
    """Its row does not show the environment any more."""
    made.override = lambda i: replace(i, mark=None, born=None, owner="", spec="", key_hashes=(), boot_secret=Secret(""))

"""Result of `status`: what exists, what it costs, each link, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ert_deploy.adapters.clock import zone_of
from ert_deploy.app.outcome import Backend, Doubts, Service
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.machine.figures import Card
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import Denied
from ert_deploy.core.notices.notice import NOTHING_FOUND, Findings
from ert_deploy.core.verdict.links import Link, Standing


@dataclass(frozen=True, slots=True)
class Money:
    """The main instance in numbers: seconds and $; None is not known, with the `reason`.

    `age` is the time since it was rented, `idle_left` until it stops for lack of work. `spent` is what it has
    cost until now without traffic: exactly, "about" or "at most", see `spent_is`; `per_hour` what it costs.
    `asleep` is why it is stopped, empty if it is not, `asleep_for` how long
    and `stored` what its disk has cost meanwhile. `cards` is None if its machine does not report them.
    """

    instance: InstanceId
    age: float | None
    idle_left: float | None
    spent: float | None
    per_hour: float | None
    asleep: str = ""
    cards: tuple[Card, ...] | None = None
    reason: str = ""
    asleep_for: float | None = None
    stored: float | None = None
    spent_is: str = "at most"


@dataclass(frozen=True, slots=True)
class Status:
    """Resources at `now`, in Unix time. `sandbox`: all of it costs nothing. `sandbox_stopped`: it is not
    running, so none exist.

    `links` are the checks and `standing` the verdict on them. `unread` is the error if a provider could not be read.
    `undecided` are the instances without a certain owner, each with the reason; `others` are those of another owner.
    `unsettled_creates` is the number of create calls with unknown result, `to_be_destroyed` are instances that may
    still exist after a request to delete them. `denied` are the machines and hosts that are temporarily not rented, and
    `denied_machines` the ids of these machines. `external` is the URL of the server that is used in place of a rented
    backend; empty without one. `findings` are the notices of this look, `budget` sentences about a budget, and `kept`
    is one about the machines that are kept up.
    """

    deployment: str
    now: float = 0.0
    links: tuple[Link, ...] = ()
    standing: Standing = Standing.AS_WANTED
    money: Money | None = None
    unread: CannotObserve | None = None
    backends: tuple[Backend, ...] = ()
    services: tuple[Service, ...] = ()
    undecided: Doubts = ()
    others: tuple[InstanceId, ...] = ()
    unsettled_creates: int = 0
    to_be_destroyed: tuple[InstanceId, ...] = ()
    denied_machines: tuple[str, ...] = ()
    denied: tuple[Denied, ...] = ()
    sandbox: bool = False
    sandbox_stopped: bool = False
    external: str = ""
    findings: Findings = NOTHING_FOUND
    budget: tuple[str, ...] = ()
    kept: str = ""

    @property
    def zone(self) -> str:
        """How its times are marked."""
        return zone_of(self.sandbox)

    @property
    def word(self) -> str:
        """What there is of it, in a word or two."""
        if self.unread is not None and not self.backends:
            return "not known"
        if not self.backends and self.external:
            return f"on the external server {self.external}"
        if not self.backends:
            return "no known instance of it is running" if self.undecided else "nothing is running"
        return "asleep" if all(b.asleep for b in self.backends) else "running"


def finite(value: float | None) -> float | None:
    """Return the value, or None if it is infinite or not a number."""
    return value if value is not None and math.isfinite(value) else None

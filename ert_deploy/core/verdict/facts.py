"""Facts that the checks are made on: everything that was read, and for the rest the reason why it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Instance, Publication
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.external import ServerSeen
from ert_deploy.core.verdict.links import Missing

# In place of the figures of a backend that has proved its identity and accepts no key that an app holds.
KEY_REJECTED = Missing("the backend rejects the key that its apps have")


class Asleep(StrEnum):
    """Why an instance is stopped. Limit: its guard stopped it by a rule other than the idle time and the budget.
    Outside: no run that writes this state did, so it was stopped at the provider. Taken: it was to start, and its GPU
    is rented.
    """

    IDLE = "idle"
    LIMIT = "limit"
    BUDGET = "budget"
    ASKED = "asked"
    OUTSIDE = "not by ert-deploy"
    TAKEN = "its GPU was taken"
    OUTBID = "outbid"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Credit:
    """Credit of the account in $, infinite if the key may not read it, and how to add to it."""

    amount: float
    top_up: str = ""


@dataclass(frozen=True)
class Facts:
    """All that was read of one deployment; `Missing` stands for what was not.

    `situation` is missing if the list of instances or the state could not be read; then only `publications` are known.
    `unread` are the apps of which nothing is known, by service, `absent` those that do not exist, `answers` the HTTP
    status of those that show no fingerprint, 0 for no response. `processes` are the fingerprints of the instances that
    the web host lists of an app, by their ids: "" for one without, None for one that did not respond. `figures`
    and `asleep` are by instance: the backend's report if it serves, and why it is stopped if it is. `whole`: the config
    is this deployment's own, so that its apps and its limits are known. `ran` is by instance for how many seconds it
    had run when its guard stopped it. `server` is what an external server has shown, None without one.
    """

    desired: Desired
    credit: Credit | Missing
    situation: Situation | Missing
    publications: tuple[Publication, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[str, Mapping[str, str | None] | Missing] = field(default_factory=dict)
    figures: Mapping[InstanceId, Figures | Missing] = field(default_factory=dict)
    asleep: Mapping[InstanceId, Asleep | Missing] = field(default_factory=dict)
    whole: bool = True
    server: ServerSeen | None = None
    ran: Mapping[InstanceId, float] = field(default_factory=dict)

    @cached_property
    def main(self) -> Candidate | None:
        """The instance that serves or is to serve, else the one that did; None if there is, or is to be, none."""
        return None if isinstance(self.situation, Missing) or self.server is not None else main(self.situation)

    @property
    def instance(self) -> Instance | None:
        """The main instance."""
        return self.main.instance if self.main is not None else None

    @property
    def on_a_server(self) -> bool:
        """Whether an app uses an external server, or is to."""
        return self.server is not None and not self.server.unused

    @property
    def sleeps(self) -> bool:
        """Whether the main instance is stopped."""
        return self.main is not None and self.main.instance.halted


def main(situation: Situation) -> Candidate | None:
    """Return the instance that the apps use or are to use; the others only cost money."""
    now = situation.classified
    if now.current is not None:
        return now.current
    left = (*now.others, *now.failed)
    return min(left, key=lambda c: (not c.pointed, not c.published, c.instance.halted), default=None)

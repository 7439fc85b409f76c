"""A whole world in plain memory on virtual time: what exists in it, and what is under way.

It plays what the ports promise (`ports/`: the same kinds of errors, nothing else), and every effect is checked against
what must always hold. No I/O, no logging, no waiting: a day passes in a millisecond.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from copy import copy
from typing import Any

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State
from tests.simulation.faults import Faults
from tests.simulation.market import FRESH, STOCK, Machine
from tests.simulation.operators import Operator
from tests.simulation.web import Service

START = 1_000_000.0


class Violation(Exception):
    """Something happened that must never happen."""


class Killed(BaseException):
    """The process is gone at this very effect."""


class Actor:
    """The command whose effects are carried out: what it wants (None: it reaps), what it has rented, by token."""

    def __init__(self, wanted: Desired | None = None) -> None:
        self.wanted = wanted
        self.rented: dict[str, Machine] = {}
        self.shown: dict[str, Offer] = {}  # by its last searches
        self.unpulled: set[str] = set()  # offers of machines of its own that it gave up because of their image

    def must_keep_serving(self) -> bool:
        """Whether it may not take a backend away from an app."""
        return self.wanted is not None and self.wanted.phase is not Phase.ABSENT


class World:
    """Everything outside the engine. `took` is how long the effect just carried out has lasted.

    `beyond`: creates may also take effect after the settle time or after a refusal, and be delivered twice while
    another instance is paid. Then more than two may be paid at once, each by an effect nobody asked for: `allowed`.
    """

    def __init__(self, faults: Faults, services: tuple[str, ...] = ("dash",), *, beyond: bool = False) -> None:
        self.faults, self.beyond = faults, beyond
        self.now, self.took = START, 0.0
        self.turns = 0  # commands that were given
        self.touched = -1  # the call at which something last came to run or exist that no command has asked for
        self.operator = Operator()  # whose effect is carried out
        self.dates = True  # the provider's replies say when they were written
        self.lasting: set[type[Any]] = set()  # the calls that fail until somebody mends what is wrong
        self.calls = self.effects = self.drawn = self.begun = self.calmed = 0
        self.patience = self.disturbed = 0  # effects: a command ends by so many, and when somebody last stepped in
        self.kind = ""
        self.strength = 0.0
        self.operators = 1  # at work now
        self.offers = STOCK
        self.machines: dict[InstanceId, Machine] = {}
        self.paid: dict[InstanceId, Machine] = {}
        self.pending = 0  # create calls on their way
        self.allowed = 2
        self.overdue = 0.0  # when a create call lands that is later than the settle time allows for
        self.coming = 0.0  # when the last start takes effect that was not answered, or refused and queued
        self.most_paid = 0
        self.clones = 0
        self.state = State("ert")
        made = [Service(name) for name in services]
        self.services = {service.id: service for service in made}
        self.by_name = {service.name: service for service in made}
        self.by_url = {service.url: service for service in made}
        self.account = "1"  # of the key in use; the machines are of account 1
        self.due: list[tuple[float, int, Callable[[World, Any], None], Any]] = []
        self.numbers = 500
        self.changes = 0  # writes to any provider
        self.listing = 0  # the number of the newest call that listed
        self.trace: list[tuple[float, str, str]] | None = None
        self.seen: list[type[Any]] | None = None  # the kind of every call, when somebody asks for it
        self.acting = Actor()
        self.limited = False  # no host can pull the image

    def twin(self, twin: World) -> World:
        """Make a fresh world like this one, at a moment when nothing is under way here, to go on from there."""
        assert not self.due
        twin.now, twin.state = self.now, self.state
        twin.calls, twin.begun, twin.drawn, twin.numbers = self.calls, self.calls, self.drawn, self.numbers
        twin.machines = {number: copy(made) for number, made in self.machines.items()}
        twin.paid = {number: twin.machines[number] for number in self.paid}
        twin.most_paid = len(twin.paid)
        for number, service in self.services.items():
            twin.services[number].take(service)
        return twin

    def advance(self, until: float) -> None:
        """Let time pass; what was under way happens."""
        while self.due and self.due[0][0] <= until:
            self.now, _, happen, what = heapq.heappop(self.due)
            happen(self, what)
        self.now = until

    def later(self, seconds: float, happen: Callable[[World, Any], None], what: Any) -> None:
        """Something that happens by itself."""
        self.numbers += 1
        heapq.heappush(self.due, (self.now + seconds, self.numbers, happen, what))

    def mend(self) -> None:
        """What fails for good does so no longer."""
        self.lasting.clear()
        for made in self.machines.values():
            made.leaves = min(made.leaves, self.now) if made.ends <= self.now else made.leaves

    def ghosts(self) -> bool:
        """Whether something that was destroyed is still shown."""
        return any(made.ends <= self.now < made.leaves for made in self.machines.values())

    def lost_to_all(self) -> list[InstanceId]:
        """What is paid, bears neither mark any more, and whose id was never stored: nobody can know it."""
        known = {r.id for r in self.state.records} | {t.id for t in self.state.tombstones}
        return [n for n, made in self.paid.items() if not (made.labelled or made.environed) and n not in known]

    def hardly_ours(self) -> int:
        """How many are paid that no environment and no state says are ours; a label alone keeps nobody from renting."""
        if all(made.environed for made in self.paid.values()):
            return 0
        known = {r.id for r in self.state.records} | {t.id for t in self.state.tombstones}
        return sum(not made.environed and number not in known for number, made in self.paid.items())

    def calm(self) -> None:
        """The trouble is over; what it has done stays done."""
        self.faults.stop()
        self.calmed = self.calls
        self.offers = (*STOCK, *FRESH)
        self.limited = False

    def running(self) -> list[InstanceId]:
        """The instances whose GPU is paid now."""
        return [made.id for made in self.paid.values() if not made.halted]

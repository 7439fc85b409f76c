"""In-memory environment of the engine with virtual time: existing machines and services, and pending operations.

It implements the documented behaviour of the ports (`ports/`: the same error types and no others), and raises
`Violation` for a call that must never happen. No I/O, no logging, no waiting: one virtual day takes a millisecond.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.engine.effects import Method
from tests.simulation.faults import Faults
from tests.simulation.market import FRESH, MANY, MANY_FRESH, STOCK, Machine
from tests.simulation.operators import Operator
from tests.simulation.web import Service

START = 1_000_000.0


class Violation(Exception):
    """Raised when an invariant does not hold."""


class Killed(BaseException):
    """Raised when the process gets SIGKILL at the current `Effect`."""


def whole(state: State) -> State:
    """Return a state with the entries of all replicas, the first one's first."""
    parts = (state, *state.replicas)
    claims = Claims(
        adopted=tuple(one for part in parts for one in part.claims.adopted),
        ignored=tuple(one for part in parts for one in part.claims.ignored),
    )
    return State(
        state.deployment, state.generation, tuple(one for part in parts for one in part.intents),
        tuple(one for part in parts for one in part.records), tuple(one for part in parts for one in part.tombstones),
        claims=claims,
    )  # fmt: skip


class Actor:
    """The command being executed: its config `wanted` (None: reap) and its rented machines by token."""

    def __init__(self, wanted: Desired | None = None) -> None:
        self.wanted = wanted
        self.rented: dict[str, Machine] = {}
        self.shown: dict[str, Offer] = {}  # from its latest search
        self.quoted = ""  # offer of its latest quote, until it rents one
        self.proven: dict[InstanceId, int] = {}  # number of the call that has last found each healthy
        self.read = self.asked = 0  # numbers of the last calls that read variables of an app, or asked for reports
        self.variables: Mapping[str, Secret] = {}  # of the app that it has read last, as they were then
        self.compared: dict[int, int] = {}  # by replica: number of the last call to the app about it
        self.waits = 0.0  # since when it waits for reports
        self.unpulled: set[str] = set()  # offers of machines that failed to pull their image

    def must_keep_serving(self, replica: int = 1) -> bool:
        """Whether it must not remove a backend of this replica that is used by an app."""
        wanted = self.wanted
        return wanted is not None and wanted.phase is not Phase.ABSENT and replica <= wanted.replicas

    @property
    def more(self) -> int:
        """How many more instances it may rent than a command for one replica."""
        return self.wanted.replicas - 1 if self.wanted is not None else 0


class World:
    """Everything outside the engine. `took`: duration of the last `Effect` in seconds.

    `beyond`: a create call may also complete after the settle time or after an error, and may be duplicated while
    another instance is rented. More than two instances may then be rented at a time, up to `allowed`. With `replicas`
    as many may be rented in addition, less one, as the command wants that rents.
    """

    def __init__(
        self, faults: Faults, services: tuple[str, ...] = ("dash",), *, beyond: bool = False, replicas: int = 1
    ) -> None:
        self.faults, self.beyond = faults, beyond
        self.now, self.took = START, 0.0
        self.turns = 0  # number of commands so far
        self.touched = -1  # number of the call at the last start or create that was not requested by a command
        self.struck = -1  # number of the call at the last change that was not requested by a command, or came late
        self.operator = Operator()  # the one that executes the current command
        self.dates = True  # responses of the provider contain a date
        self.slow = False  # most machines boot slowly
        self.lasting: set[Method] = set()  # port methods that fail until `mend`
        self.calls = self.effects = self.drawn = self.begun = self.calmed = 0
        # Numbers in `effects`: limit for a command since the last external event, that event, and limit in all.
        self.patience = self.disturbed = self.most = self.bound = 0  # effects; `bound`: of patience and most
        self.kind = ""
        self.strength = 0.0
        self.operators = 1  # commands running now
        self.replicas = replicas
        self.stock, self.fresh = (STOCK, FRESH) if replicas == 1 else (MANY, MANY_FRESH)
        self.offers = self.stock
        self.merged: tuple[State, State] | None = None
        self.over = False  # no more faults are injected
        self.command_began = 0  # number of the first call of the command
        self.outbidding = 0.0  # $/h by which the lowest bids of all offers are above those of calm times
        self.machines: dict[InstanceId, Machine] = {}
        self.paid: dict[InstanceId, Machine] = {}
        self.pending = 0  # create calls in progress
        self.under_way: list[str] = []  # their tokens
        self.written: dict[str, float] = {}  # by token: when the intent of a create was first written
        self.allowed = 2
        self.overdue = 0.0  # latest time at which a call completes of which no state has, or no longer has, anything
        self.coming = 0.0  # latest time at which an unanswered or queued start completes
        self.most_paid = 0
        self.clones = 0
        self.state = State("ert")
        made = [Service(name) for name in services]
        for service in made:
            service.replicas = replicas
        self.services = {service.id: service for service in made}
        self.by_name = {service.name: service for service in made}
        self.by_url = {service.url: service for service in made}
        self.account = "1"  # of the key in use; the machines are of account 1
        self.due: list[tuple[float, int, Callable[[World, Any], None], Any]] = []
        self.numbers = 500
        self.changes = 0  # number of write calls to providers
        self.listing = 0  # number of the newest list call
        self.trace: list[tuple[float, str, str]] | None = None
        self.seen: list[Method] | None = None  # port method of every call, if enabled
        self.watched = False  # whether `trace` or `seen` is kept
        self.acting = Actor()
        self.more = 0  # of the commands that run, or ran last: the most that one of them may rent in addition
        self.derives = False  # keys are derived, and apps have the secret for that
        self.limited = False  # no host can pull the image

    def twin(self, twin: World) -> World:
        """Copy this environment, which must have no pending operations, into a new one; return the new one."""
        assert not self.due
        twin.now, twin.state = self.now, self.state
        twin.calls, twin.begun, twin.drawn, twin.numbers = self.calls, self.calls, self.drawn, self.numbers
        twin.machines = {number: made.twin() for number, made in self.machines.items()}
        twin.paid = {number: twin.machines[number] for number in self.paid}
        twin.most_paid = len(twin.paid)
        for number, service in self.services.items():
            twin.services[number].take(service)
        return twin

    @property
    def whole(self) -> State:
        """The state with the entries of all replicas, as if they were those of one."""
        if not self.state.replicas:
            return self.state
        if self.merged is None or self.merged[0] is not self.state:
            self.merged = self.state, whole(self.state)
        return self.merged[1]

    def advance(self, until: float) -> None:
        """Advance the time and run the operations that are due."""
        while self.due and self.due[0][0] <= until:
            self.now, _, happen, what = heapq.heappop(self.due)
            happen(self, what)
        self.now = until

    def later(self, seconds: float, happen: Callable[[World, Any], None], what: Any) -> None:
        """Schedule a callback in `seconds`."""
        self.numbers += 1
        heapq.heappush(self.due, (self.now + seconds, self.numbers, happen, what))

    def mend(self) -> None:
        """Clear the permanent faults and remove deleted instances from the listing."""
        self.lasting.clear()
        for made in self.machines.values():
            made.leaves = min(made.leaves, self.now) if made.ends <= self.now else made.leaves

    def ghosts(self) -> bool:
        """Whether a deleted instance is still listed."""
        return any(made.ends <= self.now < made.leaves for made in self.machines.values())

    def lost_to_all(self) -> list[InstanceId]:
        """Return the ids of unrecognizable instances: without label and environment, and not in the state."""
        known = {r.id for r in self.whole.records} | {t.id for t in self.whole.tombstones}
        return [n for n, made in self.paid.items() if not (made.labelled or made.environed) and n not in known]

    def hardly_ours(self) -> int:
        """Count the rented instances without environment and record; these do not prevent a create."""
        if all(made.environed for made in self.paid.values()):
            return 0
        known = {r.id for r in self.whole.records} | {t.id for t in self.whole.tombstones}
        return sum(not made.environed and number not in known for number, made in self.paid.items())

    def calm(self) -> None:
        """Stop injecting faults; the results of earlier faults remain."""
        self.faults.stop()
        self.over = True
        self.calmed = self.calls
        self.offers, self.outbidding = (*self.stock, *self.fresh), 0.0
        self.limited = False

    def running(self) -> list[InstanceId]:
        """Return the ids of instances with a running GPU."""
        return [made.id for made in self.paid.values() if not made.halted]

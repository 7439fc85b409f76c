"""Turns of a fleet: one replica goes on until it sleeps, then the next, and all sleep until the first one is due.

A deploy is held until no other replica is between its variables and its deploy: then one call serves all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from ert_deploy.core.model.boot.others import Others
from ert_deploy.core.model.desired import ABSENT, RUNNING, Desired
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import OfReplica
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.accounts import evident
from ert_deploy.core.planning.replicas.others import beside, each_of, left_in, marked, pointed, refuses
from ert_deploy.core.planning.replicas.parts import is_tied, traces, without_places
from ert_deploy.engine.apply import apply
from ert_deploy.engine.effects import Effect, Effects, ask
from ert_deploy.engine.fleet.document import Document, MayWrite
from ert_deploy.engine.fleet.listing import CHANGES, Listing
from ert_deploy.engine.fleet.member import READY, Member
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import Audience, Clock, GpuHost, StateStore, TimeSource, WebHost

TICK = 0.001  # seconds: the sum of two readings of a clock is not exact
# What a replica does as a part of the fleet; anything else it does as a single one would.
SHARED = frozenset({
    StateStore.load, StateStore.save, Audience.tell, WebHost.put_env, WebHost.read_env, GpuHost.list_instances,
})  # fmt: skip


@dataclass(slots=True)
class Fleet:
    """The runs of all replicas: those that are desired, and any other one in a list or in the document.

    With `only`, just those of these numbers. `taken` is what each takes up by the document and the list before it.
    """

    desired: Desired
    memories: dict[int, RunMemory]
    only: frozenset[int] = frozenset()
    document: Document = field(default_factory=Document)
    listing: Listing = field(default_factory=Listing)
    members: list[Member] = field(default_factory=list)
    taken: tuple[State, tuple[Instance, ...], dict[int, Others]] | None = None

    def add(self, replica: int) -> None:
        """Begin the run of a replica."""
        wanted, memory = one_replica(self.desired, replica), self.memories.setdefault(replica, RunMemory())
        if self.members:
            memory.ends = self.members[0].memory.ends  # what fails for one would fail for each of them
        effects = apply(wanted, memory, needs_store=self.desired.phase is not ABSENT)
        self.members.append(Member(replica, wanted, memory, effects))
        self.members.sort(key=lambda one: one.replica)

    def run(self) -> Effects[None]:
        """Run all replicas to their end."""
        now: float | None = None
        while going := [one for one in self.members if not one.ended]:
            if now is None:
                now = (yield from ask(TimeSource.moment)).steady if len(going) > 1 or going[0].due > READY else READY
            held = [one for one in going if one.held is not None]
            ready = [one for one in going if one.held is None and one.due <= now + TICK]
            if ready:
                now = yield from self._advance(min(ready, key=lambda one: (one.due, one.replica)))
                continue
            if held and not any(self._will_deploy(one) for one in going):
                yield from self._deploy(held)
            else:
                yield from ask(Clock.sleep, min(one.due for one in going if one.held is None) - now)
            now = None

    def _parts(self) -> tuple[State, ...]:
        return self.document.whole.replicas if self.document.whole is not None else ()

    def _several(self) -> bool:
        return self.desired.replicas > 1 or len(self.members) > 1

    def _alone(self) -> bool:
        return sum(not one.ended for one in self.members) == 1

    def _advance(self, one: Member) -> Effects[float | None]:
        """Run one replica until it sleeps, is held or ends. The only one that is left does all of it at once.

        Return the time on the steady clock if it was just read.
        """
        one.due = READY
        while (effect := one.resume()) is not None:
            if effect.method is Clock.sleep and not self._alone():
                now = (yield from ask(TimeSource.moment)).steady
                one.due = now + effect.args[0]
                return now
            if effect.method is WebHost.deploy and not self._alone():
                one.held = effect
                return None
            if effect.method in CHANGES:
                self.listing.forget()
            try:
                one.value = (yield from self._done(one, effect)) if effect.method in SHARED else (yield effect)
            except ErtError as error:
                one.thrown = error
        if one.result is not None and one.wanted.phase is ABSENT and one.replica > 1 and not one.result.abandoned:
            yield from self.document.drop(one.replica)
        return None

    def _deploy(self, held: list[Member]) -> Effects[None]:
        """Deploy the service of the first replica that is held, once for all that are held before the same deploy."""
        effect = held[0].held
        assert effect is not None
        group = [one for one in held if one.held == effect]
        value, error = None, None
        try:
            value = yield effect
        except ErtError as caught:
            error = caught
        for one in group:
            one.held, one.value, one.thrown = None, value, error

    def _done(self, one: Member, effect: Effect) -> Effects[object]:
        """Do one effect of a replica, as a part of the fleet."""
        method = effect.method
        if method is StateStore.load:
            return (yield from self._load(one))
        if method is StateStore.save:
            if self.desired.replicas == 1:
                effect = Effect(method, (without_places(effect.args[0]),), {})
            if not self._several() and not self._parts():
                self.document.wrote((yield effect))
                return self.document.whole
            return (yield from self.document.save(one.replica, effect.args[0], self._check(one, effect.args[0])))
        if method is Audience.tell and self._several():
            return (yield Effect(method, (OfReplica(one.replica, effect.args[0]),), {}))
        if method is WebHost.put_env and one.publishes:
            one.published, one.memory.join_until = True, 0.0
        if method is GpuHost.list_instances:
            return (yield from self._list(one, effect))
        value = yield effect
        if method is WebHost.read_env:
            self._found(left_in(self.desired, value))
            self._trace(one, bool(pointed(self.desired, value)))
        return value

    def _list(self, one: Member, effect: Effect) -> Effects[tuple[Instance, ...]]:
        one.listed = (yield effect) if self._alone() else (yield from self.listing.read(one.replica))
        named = [(instance, marked(self.desired, instance)) for instance in one.listed]
        self._found(frozenset(number for _, numbers in named for number in numbers))
        self._trace(one, any(numbers and instance.mark is not None for instance, numbers in named))
        return one.listed

    def _trace(self, one: Member, found: bool) -> None:
        """Note that the deployment exists: then a wake is for all of its replicas. A single one sees for itself."""
        one.memory.traced = one.memory.traced or (found and self.desired.replicas > 1)

    def _load(self, one: Member) -> Effects[State]:
        part = yield from self.document.load(one.replica)
        document = self.document.whole
        assert document is not None
        self._found(traces(document))
        self._trace(one, not document.empty())
        one.memory.tied = is_tied(document, one.replica)
        if self._several():
            memory = one.memory
            memory.others, memory.joins = self._others(one, document), self._joins(one)
            if not memory.account and evident(document, one.listed):
                memory.same |= {document.account, *(part.account for part in document.replicas)} - {""}
            memory.removed = self.document.is_removed(one.replica)
            memory.stalled = all(other.ended or other.awaits_turn for other in self.members if other is not one)
        return part

    def _found(self, numbers: frozenset[int]) -> None:
        """Begin the run of every replica that exists and is not desired. Without the web host none is removed."""
        if not self.only and (self.desired.publishes or self.desired.phase is not RUNNING):
            for number in sorted(numbers - {one.replica for one in self.members}):
                self.add(number)

    def _others(self, one: Member, document: State) -> Others:
        if self.taken is None or self.taken[0] is not document or self.taken[1] != one.listed:
            self.taken = document, one.listed, each_of(self.desired, document, one.listed)
        return beside(one.replica, self.taken[2])

    def _check(self, one: Member, after: State) -> MayWrite:
        def may_write(document: State) -> str:
            before = self.document.given[one.replica] or State(one.wanted.deployment)
            return refuses(self.desired, before, after, one.memory.others, partial(self._others, one, document))

        return may_write

    def _joins(self, one: Member) -> bool:
        """Whether it waits before it publishes: an app has a backend already, and more of them are about to come."""
        others = [other for other in self.members if other is not one]
        return any(other.boots for other in others) and any(other.serves for other in others)

    def _will_deploy(self, one: Member) -> bool:
        """Whether a deploy is to wait for this replica, as it writes variables or is about to."""
        return one.publishes or (not one.ended and one.awaits_others and not self._joins(one))

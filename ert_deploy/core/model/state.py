"""What must survive a crash: intents, records, tombstones, denied machines and rollouts. Never a secret.

A state is a value; every change makes a new one. Reading and writing it conditionally is the store's business.

Times are by the provider's clock, which all operators can read. Where it had told none, a time is minus the wall clock
of whoever wrote it: good for telling it from another one, and never compared with any clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ert_deploy.core.model.claims import NO_CLAIMS, Claims
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import quick_dataclass

LONG_AGO = 1.0  # a time, and none that matters


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was about to happen. `gone`: a complete answer said that the offer was taken."""

    token: str
    at: float
    offer_id: str
    machine_id: str
    gone: bool = False


@quick_dataclass
class Record:
    """An instance we know. `certificate` is its pinned PEM once it has proven its identity.

    `published` says that some target was ever given its address. `woken` is when it was last asked to start again, and
    `stranded` when it turned out that it cannot (its GPU was taken); 0 for never, LONG_AGO where nobody knows whether
    and when. `keys` are the SHA-256 of the keys it takes, oldest first; empty where no others are known than those it
    was created with. `asked` are those it is being told to take instead, empty once it has answered that it does.
    """

    token: str
    id: InstanceId
    machine_id: str
    at: float
    certificate: str = ""
    published: bool = False
    woken: float = 0.0
    stranded: float = 0.0
    keys: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An instance that is to be destroyed; kept until its absence is proven twice."""

    token: str
    id: InstanceId
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Denied:
    """A machine not to rent again before `until`."""

    machine_id: str
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """The newest deploy of ours on one service. `proven` is when the running app showed its fingerprint, or 0."""

    service_id: str
    fingerprint: str
    deploy_id: str
    at: float
    proven: float = 0.0


@quick_dataclass
class State:
    """All of it. `generation` counts writes and is what a conditional write compares.

    `account` is the provider's id of the account that everything in it was rented with; "" before the first write.
    `begun` is when this state was begun where none was found; 0 when nobody knows. A create that an earlier one knew
    may still show itself for a while after that.
    """

    deployment: str
    generation: int = 0
    intents: tuple[Intent, ...] = ()
    records: tuple[Record, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()
    denied: tuple[Denied, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
    account: str = ""
    claims: Claims = NO_CLAIMS
    begun: float = 0.0

    def tokens(self) -> frozenset[str]:
        """Every token the state knows."""
        known: Iterable[Intent | Record | Tombstone] = (*self.intents, *self.records, *self.tombstones)
        return frozenset(item.token for item in known)

    def record(self, instance_id: InstanceId) -> Record | None:
        """The record of an instance, or None."""
        return next((r for r in self.records if r.id == instance_id), None)

    def rollout(self, service_id: str) -> Rollout | None:
        """The newest rollout on a service, or None."""
        return next((r for r in self.rollouts if r.service_id == service_id), None)

    def machines(self) -> frozenset[str]:
        """The machines of its instances, and of creates that may have happened."""
        unknown = frozenset(i.machine_id for i in self.intents if not i.gone)
        return unknown | {record.machine_id for record in self.records}

    def denied_machines(self, now: float) -> frozenset[str]:
        """Machines that are denied at this time."""
        return frozenset(d.machine_id for d in self.denied if d.until > now)

    def intend(self, intent: Intent) -> State:
        """With one more intent."""
        return replace(self, intents=(*self.intents, intent))

    def mark_gone(self, token: str) -> State:
        """With that intent kept on watch only: it no longer takes a slot."""
        return replace(self, intents=tuple(replace(i, gone=True) if i.token == token else i for i in self.intents))

    def drop_intent(self, token: str) -> State:
        """Without that intent."""
        return replace(self, intents=tuple(i for i in self.intents if i.token != token))

    def put_record(self, record: Record) -> State:
        """With that record in place of any other of the same instance, and its intent dropped."""
        others = tuple(r for r in self.records if r.id != record.id)
        return replace(self.drop_intent(record.token), records=(*others, record))

    def drop_record(self, instance_id: InstanceId) -> State:
        """Without that record."""
        return replace(
            self._claiming(self.claims.released(instance_id)),
            records=tuple(r for r in self.records if r.id != instance_id),
        )

    def entomb(self, tombstone: Tombstone) -> State:
        """With a tombstone in place of record and intent."""
        records = tuple(r for r in self.records if r.id != tombstone.id)
        others = tuple(t for t in self.tombstones if t.id != tombstone.id)
        return replace(self.drop_intent(tombstone.token), records=records, tombstones=(*others, tombstone))

    def bury(self, instance_id: InstanceId) -> State:
        """Without that tombstone: its absence has been proven."""
        left = tuple(t for t in self.tombstones if t.id != instance_id)
        return replace(self, tombstones=left, claims=self.claims.released(instance_id))

    def deny(self, denied: Denied, now: float) -> State:
        """With one more denied machine; expired ones go."""
        kept = tuple(d for d in self.denied if d.until > now and d.machine_id != denied.machine_id)
        return replace(self, denied=(*kept, denied))

    def allow(self, machines: Iterable[str]) -> State:
        """Without a denial of any of these machines."""
        freed = frozenset(machines)
        return replace(self, denied=tuple(d for d in self.denied if d.machine_id not in freed))

    def put_rollout(self, rollout: Rollout) -> State:
        """With that rollout in place of any other on the same service."""
        others = tuple(r for r in self.rollouts if r.service_id != rollout.service_id)
        return replace(self, rollouts=(*others, rollout))

    def drop_rollout(self, service_id: str) -> State:
        """Without the rollout of that service."""
        return replace(self, rollouts=tuple(r for r in self.rollouts if r.service_id != service_id))

    def claim(self, owner: str, services: Iterable[str]) -> State:
        """With that owner and those services remembered; they replace others once nothing of those can bill."""
        return self._claiming(self.claims.claimed(owner, services, replacing=self.empty()))

    def adopt(self, instance_id: InstanceId) -> State:
        """With that instance ours by a person's word."""
        return self._claiming(self.claims.adopting(instance_id))

    def ignore(self, instance_id: InstanceId) -> State:
        """Without that instance, which is not our business from now on."""
        base = self.drop_record(instance_id).bury(instance_id)
        return base._claiming(base.claims.ignoring(instance_id))

    def _claiming(self, claims: Claims) -> State:
        return self if claims == self.claims else replace(self, claims=claims)

    def empty(self) -> bool:
        """True when nothing in it can bill."""
        return not (self.intents or self.records or self.tombstones)

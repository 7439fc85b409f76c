"""Persistent state: intents, records, tombstones, excluded machines and rollouts. Never a secret.

A state is immutable. Times are those of the provider's clock, which all operators can read; without it, minus the local
time of the writer, which distinguishes entries and is never used with any clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ert_deploy.core.model.boot.ended import MOST_LAUNCHES, Denied, Launched
from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.claims import NO_CLAIMS, Claims
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed, quick_dataclass

__all__ = [
    "LONG_AGO", "MOST_LAUNCHES", "Denied", "InstanceRecord", "Intent", "Launched", "Rollout", "State", "Tombstone",
]  # fmt: skip

LONG_AGO = 1.0  # valid time, but too early to matter


@dataclass(frozen=True, slots=True)
class Intent:
    """A create request that was about to be sent. `gone`: a complete response said that the offer was taken.

    `host_id` and `ip` are those of the offer where other replicas have to be apart from it, else empty.
    """

    token: str
    at: float
    offer_id: str
    machine_id: str
    gone: bool = False
    host_id: str = field(default="", repr=False)
    ip: str = field(default="", repr=False)


@quick_dataclass
class InstanceRecord:
    """A known instance. `certificate` is the pinned PEM after verification.

    `published` means that at least one target has its address. `woken` is the time of the last start request, and
    `stranded` the time at which it turned out that it cannot start (its GPU was taken); 0 for never, LONG_AGO if
    unknown. `keys` are the SHA-256 of the keys it accepts, oldest first; empty means only those it was created with.
    `asked` are the keys that a pending request sets instead, empty once the backend has responded. `host_id` and `ip`
    are those of its `Intent`.
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
    host_id: str = field(default="", repr=False)
    ip: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An instance to be deleted; stored until two reads show that it is absent."""

    token: str
    id: InstanceId
    at: float
    reason: str


@quick_dataclass
class Rollout:
    """Last deploy of one service. `proven`: when the app first reported its fingerprint, or 0."""

    service_id: str
    fingerprint: str
    deploy_id: str
    at: float
    proven: float = 0.0


@quick_dataclass
class State:
    """The complete state. `generation` is the number of writes and is checked by conditional writes.

    `account` is the provider's id of the account that rented all instances; "" before the first write. `begun` is when
    this state was created as there was none, or 0: instances of an earlier one may still appear for a while. `launches`
    are the outcomes of the last rentals, `failures` what failed machines left, `history` events; oldest first.
    `replicas` are the states of the replicas from the second on, by number; each is as of a deployment of its own.
    """

    deployment: str
    generation: int = 0
    intents: tuple[Intent, ...] = ()
    records: tuple[InstanceRecord, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()
    denied: tuple[Denied, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
    account: str = ""
    claims: Claims = NO_CLAIMS
    begun: float = 0.0
    launches: tuple[Launched, ...] = ()
    failures: tuple[Failure, ...] = ()
    history: tuple[Happened, ...] = ()
    replicas: tuple[State, ...] = field(default=(), repr=False)

    def tokens(self) -> frozenset[str]:
        """Return all tokens in the state."""
        known: Iterable[Intent | InstanceRecord | Tombstone] = (*self.intents, *self.records, *self.tombstones)
        return frozenset(item.token for item in known)

    def record(self, instance_id: InstanceId) -> InstanceRecord | None:
        """Return the record of an instance, or None."""
        for record in self.records:
            if record.id == instance_id:
                return record
        return None

    def rollout(self, service_id: str) -> Rollout | None:
        """Return the newest `Rollout` of a service, or None."""
        return next((r for r in self.rollouts if r.service_id == service_id), None)

    def machines(self) -> frozenset[str]:
        """Return the machines of the known instances, and of creates that may have succeeded."""
        unknown = frozenset(i.machine_id for i in self.intents if not i.gone)
        return unknown | {record.machine_id for record in self.records}

    def denied_machines(self, now: float) -> frozenset[str]:
        """Return the machines excluded at the time `now`, by any replica."""
        return frozenset(d.machine_id for d in self._denied(now) if d.machine_id or not d.host_id)

    def denied_hosts(self, now: float) -> frozenset[str]:
        """Return the hosts excluded at the time `now`, with all their machines, by any replica."""
        return frozenset(d.host_id for d in self._denied(now) if d.host_id and not d.machine_id)

    def _denied(self, now: float) -> Iterator[Denied]:
        return (d for part in (self, *self.replicas) for d in part.denied if d.until > now)

    def intend(self, intent: Intent) -> State:
        """Add an `Intent`."""
        return changed(self, intents=(*self.intents, intent))

    def mark_gone(self, token: str) -> State:
        """Mark the `Intent` as gone: it remains stored, but occupies no slot."""
        return changed(self, intents=tuple(replace(i, gone=True) if i.token == token else i for i in self.intents))

    def drop_intent(self, token: str) -> State:
        """Remove the `Intent`."""
        return changed(self, intents=tuple(i for i in self.intents if i.token != token))

    def put_record(self, record: InstanceRecord) -> State:
        """Add or replace the record of an instance and remove its `Intent`."""
        others = tuple(r for r in self.records if r.id != record.id)
        return changed(self.drop_intent(record.token) if self.intents else self, records=(*others, record))

    def drop_record(self, instance_id: InstanceId) -> State:
        """Remove the record."""
        left = tuple(r for r in self.records if r.id != instance_id)
        return changed(self._claiming(self.claims.released(instance_id)), records=left)

    def mark_for_deletion(self, tombstone: Tombstone) -> State:
        """Add a tombstone and remove the record and `Intent` of its instance."""
        records = tuple(r for r in self.records if r.id != tombstone.id)
        others = tuple(t for t in self.tombstones if t.id != tombstone.id)
        return changed(self.drop_intent(tombstone.token), records=records, tombstones=(*others, tombstone))

    def confirm_deleted(self, instance_id: InstanceId) -> State:
        """Remove the tombstone of an instance that no longer exists."""
        left = tuple(t for t in self.tombstones if t.id != instance_id)
        return changed(self, tombstones=left, claims=self.claims.released(instance_id))

    def deny(self, denied: Denied, now: float) -> State:
        """Exclude a machine or host and remove expired ones."""
        kept = tuple(d for d in self.denied if d.until > now and d.subject != denied.subject)
        return changed(self, denied=(*kept, denied))

    def allow(self, machines: Iterable[str]) -> State:
        """Remove the denials of these machines, and their last failures, which were not theirs."""
        freed = frozenset(machines)
        if not freed:
            return self
        last = {one.machine_id: index for index, one in enumerate(self.launches) if one.machine_id in freed}
        absolved = {index for index in last.values() if not self.launches[index].healthy}
        hosts = {self.launches[index].host_id for index in absolved}
        return replace(
            self,
            denied=tuple(
                d for d in self.denied if d.machine_id not in freed and (d.machine_id or d.host_id not in hosts)
            ),
            launches=tuple(one for index, one in enumerate(self.launches) if index not in absolved),
        )

    def launched(self, launched: Launched) -> State:
        """Add how a rental ended; the oldest beyond `MOST_LAUNCHES` are forgotten."""
        return changed(self, launches=(*self.launches, launched)[-MOST_LAUNCHES:])

    def put_rollout(self, rollout: Rollout) -> State:
        """Add or replace the `Rollout` of a service."""
        others = tuple(r for r in self.rollouts if r.service_id != rollout.service_id)
        return changed(self, rollouts=(*others, rollout))

    def drop_rollout(self, service_id: str) -> State:
        """Remove the `Rollout` of the service."""
        return changed(self, rollouts=tuple(r for r in self.rollouts if r.service_id != service_id))

    def claim(self, owner: str, services: Iterable[str]) -> State:
        """Store the owner and the services; they replace the old ones once the state is empty."""
        return self._claiming(self.claims.claimed(owner, services, replacing=self.empty()))

    def adopt(self, instance_id: InstanceId) -> State:
        """Add the instance, as requested by the operator."""
        return self._claiming(self.claims.adopting(instance_id))

    def ignore(self, instance_id: InstanceId) -> State:
        """Remove the instance, which is excluded from now on."""
        base = self.drop_record(instance_id).confirm_deleted(instance_id)
        return base._claiming(base.claims.ignoring(instance_id))

    def _claiming(self, claims: Claims) -> State:
        return self if claims == self.claims else changed(self, claims=claims)

    def empty(self) -> bool:
        """Return True if no instance or create is stored, of any replica."""
        return not (self.intents or self.records or self.tombstones) and all(one.empty() for one in self.replicas)

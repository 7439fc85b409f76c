"""Results of a run as typed values without credentials, derived from the actual state."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ert_deploy.app.replicas.sessions import must_be_one, others
from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.keys import certificate_sha256
from ert_deploy.core.model.observed import Health, Instance, Observed
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.planning.changes.fitness import repriced
from ert_deploy.core.planning.marks import sort_out
from ert_deploy.core.planning.ownership import to_probe
from ert_deploy.core.planning.replicas.parts import part_of
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.slept import slept
from ert_deploy.engine.apply import Result
from ert_deploy.engine.fleet.failures import together
from ert_deploy.ports import Clock
from ert_deploy.wiring import Session

Doubts = tuple[tuple[InstanceId, str], ...]  # instances without a certain owner, each with the reason


@dataclass(frozen=True, slots=True)
class Backend:
    """One instance of the deployment. Prices are $ per hour (NaN: unknown), `started` is Unix time.

    `health` is "unknown", and all fields that only the backend knows are empty, if it did not respond. `off_switch`:
    "proven", "refused" or "unknown"; None if it is not reported. `repriced` is how the price has changed since it was
    rented, empty if it has not. `slept` are the seconds that it is known to have slept.
    """

    instance: InstanceId
    url: str
    gpu: str
    place: str
    machine: str
    dph: float
    disk_dph: float
    asleep: bool
    status: str
    health: str
    detail: str
    model: str
    engine: str
    off_switch: str | None
    certificate_sha256: str
    started: float | None
    repriced: str = ""
    slept: float = 0.0

    def spent(self, now: float) -> float:
        """Return the $ since it was rented, without bandwidth; an upper limit, as it may have slept for longer."""
        if not self.started:
            return 0.0
        age = max(0.0, now - self.started)
        asleep = min(self.slept, age) if math.isfinite(self.disk_dph) else 0.0
        return round((self.dph * (age - asleep) + (self.disk_dph * asleep if asleep else 0.0)) / 3600.0, 4)


@dataclass(frozen=True, slots=True)
class Service:
    """One app: the current fingerprint, the names of owned variables, and who stopped it."""

    service: str
    name: str
    url: str
    fingerprint: str | None
    variables: tuple[str, ...]
    suspended: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a run. It contains no secret.

    `undecided` are the instances that the user has to assign, each with the reason; `others` are those of another
    owner. `abandoned` are the apps that could not be updated, each with the reason. `left` is set if the backend in use
    does not match the config and cannot be replaced. `idle_stop` is in seconds, 0 for never. `unknown_until`: Unix
    seconds until which an instance of a create without state may appear; 0 if none can. `zone` marks its date.
    `external` is the server that the apps use in place of a rented backend. `listed`: the instances of the account were
    read. `unremoved` are those of `abandoned` that may still use a replica which this run removed.
    """

    deployment: str
    phase: Phase
    changed: bool
    backends: tuple[Backend, ...] = ()
    services: tuple[Service, ...] = ()
    undecided: Doubts = ()
    others: tuple[InstanceId, ...] = ()
    abandoned: tuple[tuple[str, str], ...] = ()
    idle_stop: int = 0
    left: NeedsAttention | None = None
    unknown_until: float = 0.0
    zone: str = "UTC"
    external: External | None = None
    listed: bool = True
    unremoved: tuple[tuple[str, str], ...] = ()


def outcome_of(result: Result, *, changed: bool, clock: Clock) -> Outcome:
    """Convert the engine's result, by the clock of the run."""
    situation = result.situation
    desired = situation.desired
    return Outcome(
        deployment=desired.deployment,
        phase=desired.phase,
        changed=changed,
        backends=backends(situation),
        services=services(situation.observed),
        undecided=in_doubt(situation),
        others=foreign(situation),
        abandoned=result.abandoned,
        idle_stop=desired.launch.guard.idle_stop,
        left=result.left,
        unknown_until=clock.now() + result.unknown_for if result.unknown_for else 0.0,
        zone=clock.zone,
        external=desired.external if desired.phase is Phase.RUNNING else None,
        listed=desired.cloud.readable,
    )


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the result of all replicas as one, by that of the first."""
    first = outcomes[0]
    if len(outcomes) == 1:
        return first
    removed = [each for each in outcomes if each.phase is not first.phase]
    return replace(
        first,
        backends=tuple(one for each in outcomes for one in each.backends),
        services=tuple(_with_all(one, outcomes) for one in first.services),
        undecided=tuple(dict.fromkeys(one for each in outcomes for one in each.undecided)),
        others=tuple(dict.fromkeys(one for each in outcomes for one in each.others)),
        abandoned=tuple(dict.fromkeys(one for each in outcomes for one in each.abandoned)),
        left=together([each.left for each in outcomes if each.left is not None]),
        unremoved=tuple(dict.fromkeys(one for each in removed for one in each.abandoned)),
        unknown_until=max(each.unknown_until for each in outcomes),
    )


def _with_all(app: Service, outcomes: Sequence[Outcome]) -> Service:
    """Return an app with its variables of all replicas."""
    same = (one for each in outcomes for one in each.services if one.service == app.service)
    return replace(app, variables=tuple(sorted({name for one in same for name in one.variables})))


def in_doubt(situation: Situation) -> Doubts:
    """Return the `undecided` instances, each with the reason."""
    return tuple((u.instance.id, u.why) for u in situation.undecided)


def foreign(situation: Situation) -> tuple[InstanceId, ...]:
    """Return the instances of another owner."""
    return tuple(i.id for i in situation.ownership.others)


def backends(situation: Situation) -> tuple[Backend, ...]:
    """Return all instances of the deployment."""
    seen = situation.observed
    now = seen.provider_now or seen.now
    return tuple(_backend(i, seen.health.get(i.id), slept(i, seen.state, now).total) for i in situation.ours)


def _backend(instance: Instance, health: Health | None, asleep: float) -> Backend:
    pem = health.certificate if health is not None else None
    return Backend(
        instance=instance.id,
        url=instance.address.url() if instance.address else "",
        gpu=instance.gpu_name,
        place=instance.geolocation,
        machine=instance.machine_id,
        dph=instance.dph,
        disk_dph=instance.disk_dph,
        asleep=instance.stopped,
        status=instance.status or "provisioning",
        health=str(health.vital) if health is not None else "unknown",
        detail=health.detail if health is not None else instance.message.text,
        model=health.model if health is not None else "",
        engine=health.engine if health is not None else "",
        off_switch=health.off_switch.value if health is not None and health.off_switch is not None else None,
        certificate_sha256=certificate_sha256(pem) if pem else "",
        started=instance.started,
        repriced=repriced(instance),
        slept=asleep,
    )


def services(observed: Observed) -> tuple[Service, ...]:
    """Return all services, without the values of their variables."""
    return tuple(_services(observed))


def _services(observed: Observed) -> Iterator[Service]:
    for p in observed.publications or ():
        yield Service(p.service_id, p.name, p.app_url, p.live_fingerprint, tuple(sorted(p.env)), p.suspended)


def accessible(session: Session, replica: int | None = None) -> tuple[Instance, ...]:
    """Return the instances whose log or shell may be opened: marked for this deployment, and not another owner's.

    With `replica`, those of this one. Raises UsageError for one that is not, CannotObserve if they cannot be read, and
    the errors of the store.
    """
    if replica is not None:
        must_be_one(session.desired, replica)
    instances, document = session.ports.gpu.list_instances(), session.ports.store.load()
    found: list[Instance] = []
    for number in (1, *others(session.desired, document, instances)) if replica is None else (replica,):
        desired = one_replica(session.desired, number)
        found += to_probe(sort_out(desired, instances, part_of(document, number), desired.services))
    return tuple(found)

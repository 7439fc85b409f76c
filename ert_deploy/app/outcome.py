"""What a run came to, as typed values without a secret, and how they follow from what was observed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.fingerprints import certificate_sha256
from ert_deploy.core.model.observed import Health, Instance, Observed
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.marks import sort_out
from ert_deploy.core.planning.ownership import to_probe
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import Result
from ert_deploy.wiring import Session

Doubts = tuple[tuple[InstanceId, str], ...]  # instances that a person has to decide about, each with the reason


@dataclass(frozen=True, slots=True)
class Backend:
    """One instance of the deployment. Prices are $ per hour (NaN: not known), `started` is Unix seconds.

    `health` is "unknown" and what only the backend itself says is empty where it did not answer. `off_switch`:
    "proven", "refused" or "unknown"; None where it does not say.
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

    def spent(self, now: float) -> float:
        """$ since it was rented, without bandwidth: at most, as it may have slept; the bill itself lags by hours."""
        return round(self.dph * max(0.0, now - self.started) / 3600.0, 4) if self.started else 0.0


@dataclass(frozen=True, slots=True)
class Service:
    """One app: the fingerprint that it shows, the names of its owned variables, and by whom it is suspended."""

    service: str
    name: str
    url: str
    fingerprint: str | None
    variables: tuple[str, ...]
    suspended: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. It holds no secret.

    `undecided` are the instances that a person has to decide about, each with the reason; `others` are another owner's.
    `abandoned` are the apps that could not be told, each with the reason. `left`: what serves is not what the config
    asks for, and nothing can replace it. `idle_stop` is in seconds, 0 for never. `unknown_until`: Unix seconds until
    which a create may still show itself that no state knows; 0 when none may.
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


def outcome_of(result: Result, *, changed: bool, now: float) -> Outcome:
    """What the engine's result means for whoever asked; `now` is Unix seconds by the deployment's clock."""
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
        unknown_until=now + result.unknown_for if result.unknown_for else 0.0,
    )


def in_doubt(situation: Situation) -> Doubts:
    """The instances that a person has to decide about, each with the reason."""
    return tuple((u.instance.id, u.why) for u in situation.undecided)


def foreign(situation: Situation) -> tuple[InstanceId, ...]:
    """The instances that are another owner's."""
    return tuple(i.id for i in situation.ownership.others)


def backends(situation: Situation) -> tuple[Backend, ...]:
    """Every instance of the deployment."""
    return tuple(_backend(i, situation.observed.health.get(i.id)) for i in situation.ours)


def _backend(instance: Instance, health: Health | None) -> Backend:
    pem = health.certificate if health is not None else None
    return Backend(
        instance=instance.id,
        url=instance.address.url() if instance.address else "",
        gpu=instance.gpu_name,
        place=instance.geolocation,
        machine=instance.machine_id,
        dph=instance.dph,
        disk_dph=instance.disk_dph,
        asleep=instance.resting,
        status=instance.status or "provisioning",
        health=str(health.vital) if health is not None else "unknown",
        detail=health.detail if health is not None else instance.message.text,
        model=health.model if health is not None else "",
        engine=health.engine if health is not None else "",
        off_switch=health.off_switch.value if health is not None and health.off_switch is not None else None,
        certificate_sha256=certificate_sha256(pem) if pem else "",
        started=instance.started,
    )


def services(observed: Observed) -> tuple[Service, ...]:
    """Every target, without its values."""
    return tuple(_services(observed))


def _services(observed: Observed) -> Iterator[Service]:
    for p in observed.publications or ():
        yield Service(p.service_id, p.name, p.app_url, p.live_fingerprint, tuple(sorted(p.env)), p.suspended)


def accessible(session: Session) -> tuple[Instance, ...]:
    """The instances whose log or shell may be opened: those with our marks that are not another owner's.

    Raises CannotObserve when they cannot be listed, and what the store raises.
    """
    instances = session.ports.gpu.list_instances()
    return to_probe(sort_out(session.desired, instances, session.ports.store.load(), session.desired.services))

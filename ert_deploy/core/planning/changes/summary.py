"""Summary of a run: what it creates, changes, replaces and removes, and what that interrupts, from its steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import OwnedNames
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.changes.differences import Difference, differences, guard_of, limits_of
from ert_deploy.core.planning.changes.fitness import unfit
from ert_deploy.core.planning.forecast.unknown import NEW
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.situation import Situation

LIMITS = ("idle_stop", "boot_deadline", "max_lifetime")


class Kind(StrEnum):
    """What becomes of a resource. The value is its symbol, as in Terraform's plan."""

    CREATE = "+"
    CHANGE = "~"
    REMOVE = "-"
    REPLACE = "-/+"


@dataclass(frozen=True, slots=True)
class Machine:
    """Change of one instance; `instance_id` is None for the one to rent. `differences` are the keys that force it."""

    kind: Kind
    instance_id: InstanceId | None
    why: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """Change of one variable of an app. `late`: its value is known after boot. `secret`: it is never shown."""

    kind: Kind
    service: str
    name: str
    late: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Interruption:
    """What does not respond, or delays the run, while it works; `seconds` of a wait, 0 if that is not known."""

    what: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """All changes of a run, in the order in which they are made."""

    machines: tuple[Machine, ...] = ()
    variables: tuple[Variable, ...] = ()
    interruptions: tuple[Interruption, ...] = ()


def summary(situation: Situation, ahead: Iterable[Step], downtime: frozenset[str] = frozenset()) -> Summary:
    """Return what these steps do; `downtime` are the targets whose deploy stops the app before it starts again."""
    found = tuple(ahead)
    variables: dict[tuple[str, str], Variable] = {}
    for one in _variables(situation, found):  # one that is written twice is what it is in the end
        variables[one.service, one.name] = one
    return Summary(
        tuple(_machines(situation, found)), tuple(variables.values()), tuple(_interruptions(situation, found, downtime))
    )


def _machines(situation: Situation, ahead: tuple[Step, ...]) -> Iterator[Machine]:
    by_id = {c.instance.id: c for c in situation.candidates}
    rents = any(isinstance(step, steps.Rent) for step in ahead)
    leaving = [s for s in ahead if isinstance(s, steps.Retire) and s.instance_id in by_id]
    replaced = _replaced(situation, [s.instance_id for s in leaving]) if rents else None
    if rents and replaced is None:
        yield Machine(Kind.CREATE, None, next(s.reason for s in ahead if isinstance(s, steps.Rent)))
    for step in ahead:
        match step:
            case steps.Wake(instance_id):
                yield Machine(Kind.CHANGE, instance_id, "it is started again")
            case steps.Stop(instance_id):
                yield Machine(Kind.CHANGE, instance_id, "it is stopped, and its disk is kept")
            case steps.SetLimits(instance_id):
                yield Machine(Kind.CHANGE, instance_id, step.reason, tuple(_limits(situation, step)))
            case steps.Retire(instance_id) if instance_id == replaced:
                yield _replacement(situation, by_id[instance_id], step.reason)
            case steps.Retire(instance_id, reason=reason):
                yield Machine(Kind.REMOVE, instance_id, reason)
            case steps.Destroy(instance_id) if all(instance_id != s.instance_id for s in leaving):
                yield Machine(Kind.REMOVE, instance_id, step.reason)
            case _:
                pass


def _limits(situation: Situation, step: steps.SetLimits) -> Iterator[Difference]:
    health, instance = situation.observed.health.get(step.instance_id), _listed(situation, step.instance_id)
    created = guard_of(instance) if instance is not None else None
    now = health.limits if health is not None else limits_of(created) if created is not None else None
    wanted = (step.idle_stop, step.boot_deadline, step.max_lifetime)
    for key, before, after in zip(LIMITS, now or ("not known",) * len(LIMITS), wanted, strict=True):
        if before != after:
            yield Difference(f"launch.guard.{key}", str(before), str(after))


def _listed(situation: Situation, instance_id: InstanceId) -> Instance | None:
    return next((i for i in situation.ours if i.id == instance_id), None)


def _replaced(situation: Situation, leaving: list[InstanceId]) -> InstanceId | None:
    """Return the instance in whose place another one is rented: one that an app uses, else the first that goes."""
    published = [c.instance.id for c in situation.candidates if c.published and c.instance.id in leaving]
    return next(iter((*published, *leaving)), None)


def _replacement(situation: Situation, candidate: Candidate, reason: str) -> Machine:
    verdict = situation.classified.verdicts[candidate.instance.id]
    why = unfit(situation.desired, candidate) or (verdict.reason if reason == "replaced" else reason)
    forced = differences(situation.desired.launch, candidate.instance)
    return Machine(Kind.REPLACE, candidate.instance.id, why, forced)


def _variables(situation: Situation, ahead: tuple[Step, ...]) -> Iterator[Variable]:
    names = {target.service: target.names for target in situation.desired.targets}
    held = {publication.target: publication.env for publication in situation.observed.publications or ()}
    fresh = any(isinstance(step, steps.Rent | steps.AddKey) for step in ahead)
    for step in ahead:
        if isinstance(step, steps.WriteMarkers):
            for target in step.targets:
                yield Variable(Kind.CREATE, target, names[target].fingerprint)
        if isinstance(step, steps.Publish):
            owned, env = names[step.target], held.get(step.target, {})
            for name in step.write:
                kind = Kind.CHANGE if name in env else Kind.CREATE
                yield Variable(kind, step.target, name, fresh and name in _late(owned), name == owned.key)
            for name in step.delete:
                yield Variable(Kind.REMOVE, step.target, name)


def _late(names: OwnedNames) -> tuple[str, ...]:
    return names.url, names.key, names.certificate, names.fingerprint


def _interruptions(situation: Situation, ahead: tuple[Step, ...], downtime: frozenset[str]) -> Iterator[Interruption]:
    clock = situation.observed.now
    for step in ahead:
        match step:
            case steps.Deploy(target) if target in downtime:
                yield Interruption(f"{target} does not respond during its deploy: it has a disk")
            case steps.Deploy(target):
                yield Interruption(f"{target} keeps responding during its deploy")
            case steps.Stop(instance_id) if _runs(situation, instance_id):
                wait = situation.desired.timings.finish
                yield Interruption(f"instance {instance_id} finishes its reports, then there are none", wait)
            case steps.Drain(instance_id, until) if instance_id != NEW:
                ends = clock + situation.desired.timings.drain if until is None else max(clock, until)
                yield Interruption(f"requests to instance {instance_id} may finish before it goes", ends - clock)
                clock = ends
            case _:
                pass


def _runs(situation: Situation, instance_id: InstanceId) -> bool:
    instance = _listed(situation, instance_id)
    return instance is not None and not instance.halted

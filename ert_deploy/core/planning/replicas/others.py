"""What a replica has to know of the others: how many instances they may have, and where, by the list and the document.

An instance counts from the moment its create is stored until two reads have shown that it is gone, and one whose
environment names a replica until the user assigns it. Where one is that is in no list yet is not known, so
that nothing is rented beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache

from ert_deploy.core.model.boot.others import Others
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.owner import OTHER, Owner, Relation, parse_owner
from ert_deploy.core.model.replica import replica_of, suffix
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, Intent, State
from ert_deploy.core.planning.replicas.parts import part_of

NUMBERS = range(1, MOST_REPLICAS + 1)
UNKNOWN_PLACE = 2  # leaves no slot
UNKNOWN = frozenset({""})


def each_of(fleet: Desired, document: State, instances: Iterable[Instance]) -> dict[int, Others]:
    """Return what each replica takes up that has a part in the document or its name on an instance."""
    listed = [(one, marked(fleet, one)) for one in instances]
    stored = {replica_of(part.deployment)[1] for part in document.replicas}
    numbers = stored.union({1}, *(named for _, named in listed))
    return {number: _takes(fleet, number, part_of(document, number), listed) for number in numbers}


def beside(replica: int, each: Mapping[int, Others]) -> Others:
    """Return all of `each` but one replica together."""
    others = [taken for number, taken in each.items() if number != replica]
    return Others(
        sum(one.crowded for one in others),
        frozenset().union(*(one.machines for one in others)),
        frozenset().union(*(one.hosts for one in others)),
        frozenset().union(*(one.ips for one in others)),
        denied=frozenset().union(*(one.denied for one in others)),
        written=frozenset().union(*(one.written for one in others)),
    )


def _takes(fleet: Desired, number: int, part: State, listed: list[tuple[Instance, frozenset[int]]]) -> Others:
    """Return what one replica takes up, by its part of the document and the list."""
    known = {one.id for one in part.records} | {one.id for one in part.tombstones}
    created = {one.token for one in part.intents}
    excluded = fleet.ignored.union(part.claims.ignored)
    there = [
        one
        for one, named in listed
        if one.id in known
        or (one.born is not None and one.born.token in created)
        or (_has_its_name(one) and number in named and one.id not in excluded)
    ]
    seen = {one.id for one in there}
    tokens = {one.mark.token for one in there if one.mark is not None}
    asked = [one for one in part.intents if not one.gone]
    pending = [one for one in asked if one.token not in tokens]
    crowded = max(0, len(seen | known) + len(pending) - (number <= fleet.replicas))
    unlisted: list[Intent | InstanceRecord] = [*pending, *(one for one in part.records if one.id not in seen)]
    crowded += sum(UNKNOWN_PLACE for one in unlisted if not one.host_id)
    stored: tuple[Intent | InstanceRecord, ...] = (*asked, *part.records)
    machines = part.machines() | {one.machine_id for one in there}
    hosts = {one.host_id for one in (*stored, *there)}
    ips = {one.ip for one in stored} | {one.address.ip for one in there if one.address is not None}
    written = frozenset[tuple[tuple[str, ...], tuple[str, ...]]]()
    if not part.empty():
        written = frozenset({(part.claims.owners, part.claims.services)})
    return Others(
        crowded, machines - UNKNOWN, frozenset(hosts - UNKNOWN), frozenset(ips - UNKNOWN),
        denied=frozenset(part.denied), written=written,
    )  # fmt: skip


def _has_its_name(instance: Instance) -> bool:
    """Whether its environment names a deployment: with or without the label, no single one rents beside it."""
    return instance.mark is not None or (instance.born is not None and bool(instance.born.deployment))


def marked(fleet: Desired, instance: Instance) -> frozenset[int]:
    """Return the replicas whose name an instance has in its label or its environment; none for another owner's."""
    born = instance.born.deployment if instance.born is not None else ""
    mark = instance.mark.deployment if instance.mark is not None else ""
    numbers = _numbers(fleet.deployment, born, mark, instance.claims or "")
    if not numbers:
        return numbers
    return frozenset() if _relation(fleet.owner, fleet.services, instance.owner) is OTHER else numbers


@lru_cache(maxsize=512)
def _numbers(deployment: str, *names: str) -> frozenset[int]:
    """Return the replicas of a deployment that these names are of; every look has the same few."""
    found = {replica_of(name) for name in names if name}
    return frozenset(number for of, number in found if of == deployment)


@lru_cache(maxsize=512)
def _relation(owner: str, services: frozenset[str], other: str) -> Relation:
    return Owner(frozenset(filter(None, [owner])), services, complete=False).relation(parse_owner(other))


def of_others(desired: Desired, instances: Iterable[Instance]) -> Iterator[tuple[Instance, frozenset[int]]]:
    """Yield the instances that are marked for other replicas of the deployment, with the numbers of these."""
    name, replica = replica_of(desired.deployment)
    fleet = replace(desired, deployment=name)
    for instance in instances:
        if numbers := marked(fleet, instance) - {replica}:
            yield instance, numbers


def pointed(fleet: Desired, env: Mapping[str, Secret]) -> frozenset[int]:
    """Return the replicas whose address is in the environment of an app."""
    return _in(env, *(target.names.url for target in fleet.targets))


def left_in(fleet: Desired, env: Mapping[str, Secret]) -> frozenset[int]:
    """Return the replicas of which an app has an address, a key or a certificate, as an update may stop half-way."""
    names = [target.names for target in fleet.targets]
    return _in(env, *(name for own in names for name in (own.url, own.key, own.certificate)))


def _in(env: Mapping[str, Secret], *names: str) -> frozenset[int]:
    return frozenset(number for name, number in _variables(names).items() if name in env)


@cache
def _variables(names: tuple[str, ...]) -> dict[str, int]:
    """Return the variables of every replica, as those of the first have these names."""
    return {name + suffix(number): number for name in names for number in NUMBERS}


def refuses(fleet: Desired, before: State, after: State, seen: Others, others_now: Callable[[], Others]) -> str:
    """Return why a replica may not save a new create although it might when it looked; empty if it may.

    `others_now` is called for a create alone.
    """
    known = before.tokens()
    created = [one for one in after.intents if one.token not in known]
    if not created:
        return ""
    now = others_now()
    if now.crowded > seen.crowded:
        return f"another replica of {fleet.deployment} has a second instance now"
    if any(now.near(one.machine_id, one.host_id, one.ip) for one in created):
        return f"another replica of {fleet.deployment} is there now"
    return ""

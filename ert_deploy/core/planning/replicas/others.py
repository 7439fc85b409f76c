"""What a replica has to know of the others: how many instances they may have, and where, by the list and the document.

An instance counts from the moment its create is stored until two reads have shown that it is gone. Where one is that is
in no list yet is not known, so that nothing is rented beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ert_deploy.core.model.boot.others import Others
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.owner import OTHER, Owner, parse_owner
from ert_deploy.core.model.replica import numbered, replica_of
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, Intent, State
from ert_deploy.core.planning.replicas.parts import part_of

NUMBERS = range(1, MOST_REPLICAS + 1)
UNKNOWN_PLACE = 2  # leaves no slot


def others_of(fleet: Desired, replica: int, document: State, instances: Iterable[Instance]) -> Others:
    """Return the other replicas of `fleet`."""
    listed, crowded = tuple(instances), 0
    machines, hosts, ips = set[str](), set[str](), set[str]()
    for number in NUMBERS:
        if number == replica:
            continue
        part = part_of(document, number)
        known = {one.id for one in part.records} | {one.id for one in part.tombstones}
        there = [one for one in listed if one.id in known or _is_of(fleet, number, part, one)]
        seen = {one.id for one in there}
        tokens = {one.mark.token for one in there if one.mark is not None}
        asked = [one for one in part.intents if not one.gone]
        pending = sum(one.token not in tokens for one in asked)
        crowded += max(0, len(seen | known) + pending - (number <= fleet.replicas))
        crowded += sum(UNKNOWN_PLACE for one in part.records if one.id not in seen and not one.host_id)
        machines |= part.machines() | {one.machine_id for one in there}
        stored: tuple[Intent | InstanceRecord, ...] = (*asked, *part.records)
        hosts |= {one.host_id for one in stored} | {one.host_id for one in there}
        ips |= {one.ip for one in stored}
        ips |= {one.address.ip for one in there if one.address is not None}
    unknown = {""}
    return Others(crowded, frozenset(machines - unknown), frozenset(hosts - unknown), frozenset(ips - unknown))


def _is_of(fleet: Desired, replica: int, part: State, instance: Instance) -> bool:
    """Whether an instance that a replica does not know by its id is certainly its own: those of a create, or marked."""
    born = instance.born.token if instance.born is not None else ""
    if any(one.token == born for one in part.intents):
        return True
    whole = instance.mark is not None and replica in marked(fleet, instance)
    return whole and instance.id not in fleet.ignored.union(part.claims.ignored)


def marked(fleet: Desired, instance: Instance) -> frozenset[int]:
    """Return the replicas whose name an instance has in its label or its environment; none for another owner's."""
    born = instance.born.deployment if instance.born is not None else ""
    mark = instance.mark.deployment if instance.mark is not None else ""
    found = {replica_of(name) for name in (born, mark, instance.claims or "") if name}
    numbers = frozenset(number for deployment, number in found if deployment == fleet.deployment)
    if not numbers:
        return numbers
    us = Owner(frozenset(filter(None, [fleet.owner])), fleet.services, complete=False)
    return frozenset() if us.relation(parse_owner(instance.owner)) is OTHER else numbers


def of_others(desired: Desired, instances: Iterable[Instance]) -> Iterator[tuple[Instance, frozenset[int]]]:
    """Yield the instances that are marked for other replicas of the deployment, with the numbers of these."""
    name, replica = replica_of(desired.deployment)
    fleet = replace(desired, deployment=name)
    for instance in instances:
        if numbers := marked(fleet, instance) - {replica}:
            yield instance, numbers


def pointed(fleet: Desired, env: Mapping[str, Secret]) -> frozenset[int]:
    """Return the replicas whose address is in the environment of an app."""
    names = {numbered(target, number).names.url: number for target in fleet.targets for number in NUMBERS}
    return frozenset(names[name] for name in names.keys() & env.keys())


def refuses(fleet: Desired, before: State, after: State, seen: Others, now: Others) -> str:
    """Return why a replica may not save a new create although it might when it looked; empty if it may."""
    known = before.tokens()
    created = [one for one in after.intents if one.token not in known]
    if not created:
        return ""
    if now.crowded > seen.crowded:
        return f"another replica of {fleet.deployment} has a second instance now"
    if any(now.near(one.machine_id, one.host_id, one.ip) for one in created):
        return f"another replica of {fleet.deployment} is there now"
    return ""

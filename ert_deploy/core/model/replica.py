"""Replicas: a fleet is one deployment on several machines, and each replica is a deployment with names of its own.

Replica 1 has the names of the deployment itself, so that a single one is nothing new. Replica k is `NAME.k` in marks,
and its variables in the apps end in `_k`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ert_deploy.core.model.app.target import OwnedNames, Target
from ert_deploy.core.model.desired import ABSENT, Desired
from ert_deploy.core.model.labels import MOST_REPLICAS, REPLICA


def replica_name(deployment: str, replica: int) -> str:
    """Return the name of a replica: that of the deployment itself for the first. Raises ValueError beyond 1 to 8."""
    if not 1 <= replica <= MOST_REPLICAS:
        raise ValueError(f"a deployment has no replica {replica}")
    return deployment if replica == 1 else f"{deployment}.{replica}"


@lru_cache(maxsize=512)
def replica_of(name: str) -> tuple[str, int]:
    """Return deployment and number of the replica with this name; any other name is that of a replica 1."""
    found = REPLICA.fullmatch(name)
    return (found[1], int(found[2])) if found is not None and found[2] else (name, 1)


def suffix(replica: int) -> str:
    """Return what the variables of a replica have at the end of their names: nothing for the first."""
    return "" if replica == 1 else f"_{replica}"


def one_replica(desired: Desired, replica: int) -> Desired:
    """Return what is desired of one replica as of a deployment of its own; of the first of one that is `desired`.

    Each may spend its share of `max_cost`. One above the number of replicas is to be removed, and so is every one but
    the first if the apps use an external server.
    """
    if replica == 1 and desired.replicas == 1:
        return desired
    share = None if desired.max_cost is None else desired.max_cost / desired.replicas
    if replica == 1:
        return replace(desired, max_cost=share)
    left_over = replica > desired.replicas or desired.external is not None
    return replace(
        desired,
        deployment=replica_name(desired.deployment, replica),
        replica=replica,
        phase=ABSENT if left_over else desired.phase,
        external=None,
        max_cost=share,
        targets=tuple(numbered(target, replica) for target in desired.targets),
    )


def numbered(target: Target, replica: int) -> Target:
    """Return the target as a replica publishes to it: what switches other models off is written by the first alone."""
    if replica == 1:
        return target
    names, end = target.names, suffix(replica)
    own = OwnedNames(
        url=names.url + end, key=names.key + end, certificate=names.certificate + end, timeout=names.timeout + end,
        fingerprint=names.fingerprint + end, enabled=names.enabled + end, previews=names.previews + end,
        model=names.model + end, disabled=(),
    )  # fmt: skip
    return replace(target, names=own, health_field=target.health_field + end)

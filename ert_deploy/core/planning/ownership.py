"""Ownership of all instances in a listing: own, another owner's, or `undecided`. No marked instance is skipped.

An instance belongs to the deployment if the state has it (its id in the state and its token in the environment), if
`label`, environment and owner match, or if the user adopted it. An older instance without an owner does as well if one
of the deployment's apps has its address together with a key it was created with, or with the currently verified
certificate: those keys may have been changed. Another owner's instance is listed but never modified.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.owner import service_hash
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import Targets
from ert_deploy.core.planning.marks import PROVEN, Ownership, sort_out


def known_services(desired: Desired, ids: Iterable[str]) -> frozenset[str]:
    """Return the ids (hashed) of these services and of those that the config names by id."""
    found = _hashes(tuple(ids))
    return desired.services | found if desired.services else found


@lru_cache(maxsize=64)
def _hashes(ids: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(service_hash, ids))


def owned(desired: Desired, observed: Observed, services: frozenset[str], targets: Targets) -> Ownership:
    """Sort all instances by owner, with all available data."""
    return sort_out(desired, observed.instances, observed.state, services, lambda: _held(observed, targets))


def to_probe(placed: Ownership) -> tuple[Instance, ...]:
    """Return the owned instances and, before the apps are read, those that may turn out as owned."""
    if not placed.undecided:
        return placed.ours
    return (*placed.ours, *(u.instance for u in placed.undecided if u.instance.mark is not None))


def _held(observed: Observed, targets: Targets) -> frozenset[tuple[str, str]]:
    """Return the addresses in apps, each with its key's hash, and with PROVEN if the certificate is the current one."""
    held: set[tuple[str, str]] = set()
    for target, publication in targets:
        env, names = publication.env, target.names
        url, key, pem = env.get(names.url), env.get(names.key), env.get(names.certificate)
        if url is not None and key is not None:
            held.add((url.reveal(), key.sha256()))
            held.update((url.reveal(), PROVEN) for i in observed.instances if _shows(i, observed, url, pem))
    return frozenset(held)


def _shows(instance: Instance, observed: Observed, url: Secret, pem: Secret | None) -> bool:
    """Whether it has that address and that certificate, after a successful probe."""
    health = observed.health.get(instance.id)
    certificate = health.certificate if health is not None else None
    there = instance.address is not None and instance.address.url() == url.reveal()
    return there and certificate is not None and pem == Secret(certificate)

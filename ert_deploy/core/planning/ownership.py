"""Whose every listed instance is: ours, another owner's, or for a person to decide. Nothing with a mark is invisible.

Ours without a question is what our own state knew (its id in the state and its token in the environment), what has both
marks and our owner, and what a person adopted. An older instance that names no owner is ours as well when an app of
ours holds its address together with a key it was created with, or with the certificate that it proves now: its keys may
have been changed. Another owner's is shown and never touched.
"""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.owner import service_hash
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import Targets
from ert_deploy.core.planning.marks import PROVEN, Ownership, sort_out


def known_services(desired: Desired, ids: Iterable[str]) -> frozenset[str]:
    """Hashes of these services and of those that the config names by id."""
    return desired.services.union(map(service_hash, ids))


def owned(desired: Desired, observed: Observed, services: frozenset[str], targets: Targets) -> Ownership:
    """Every listed instance in its place, with all that this look knows."""
    return sort_out(desired, observed.instances, observed.state, services, lambda: _held(observed, targets))


def to_probe(placed: Ownership) -> tuple[Instance, ...]:
    """What is ours and, before the apps are read, what may turn out to be ours then."""
    if not placed.undecided:
        return placed.ours
    return (*placed.ours, *(u.instance for u in placed.undecided if u.instance.mark is not None))


def _held(observed: Observed, targets: Targets) -> frozenset[tuple[str, str]]:
    """Addresses as apps hold them, each with its key's hash, and with PROVEN where its certificate is proven now."""
    held: set[tuple[str, str]] = set()
    for target, publication in targets:
        env, names = publication.env, target.names
        url, key, pem = env.get(names.url), env.get(names.key), env.get(names.certificate)
        if url is not None and key is not None:
            held.add((url.reveal(), key.sha256()))
            held.update((url.reveal(), PROVEN) for i in observed.instances if _shows(i, observed, url, pem))
    return frozenset(held)


def _shows(instance: Instance, observed: Observed, url: Secret, pem: Secret | None) -> bool:
    """Whether it answers at that address with that certificate, after it has proven that it is ours to the probe."""
    health = observed.health.get(instance.id)
    certificate = health.certificate if health is not None else None
    there = instance.address is not None and instance.address.url() == url.reveal()
    return there and certificate is not None and pem == Secret(certificate)

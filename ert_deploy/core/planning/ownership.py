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
from ert_deploy.core.model.once import once
from ert_deploy.core.model.owner import owner_text, service_hash
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.marks import PROVEN, Ownership, Undecided, sort_out
from ert_deploy.core.planning.rollout import pairs


def services(desired: Desired, observed: Observed) -> frozenset[str]:
    """Hashes of the services of the targets, as far as this look or the config knows them."""
    return known_services(desired, (p.service_id for p in observed.publications or ()))


def known_services(desired: Desired, ids: Iterable[str]) -> frozenset[str]:
    """Hashes of these services and of those that the config names by id."""
    return desired.services.union(map(service_hash, ids))


@once
def owned(desired: Desired, observed: Observed) -> Ownership:
    """Every listed instance in its place, with all that this look knows."""
    known = services(desired, observed)
    return sort_out(desired, observed.instances, observed.state, known, lambda: _held(desired, observed))


def ours(desired: Desired, observed: Observed) -> tuple[Instance, ...]:
    """The instances of the deployment that are ours, oldest first; each has a mark whatever its label says."""
    return owned(desired, observed).ours


def undecided(desired: Desired, observed: Observed) -> tuple[Undecided, ...]:
    """The instances that a person has to decide about, oldest first."""
    return owned(desired, observed).undecided


def claim(desired: Desired, observed: Observed) -> State:
    """The state with the owner and the services of this look remembered."""
    return observed.state.claim(desired.owner, services(desired, observed))


def birth_owner(desired: Desired, observed: Observed) -> str:
    """What a new instance is given as `ERT_OWNER`."""
    return owner_text(desired.owner, services(desired, observed))


def to_probe(placed: Ownership) -> tuple[Instance, ...]:
    """What is ours and, before the apps are read, what may turn out to be ours then."""
    if not placed.undecided:
        return placed.ours
    return (*placed.ours, *(u.instance for u in placed.undecided if u.instance.mark is not None))


def remember(desired: Desired, observed: Observed, placed: Ownership, known: frozenset[str]) -> None:
    """Spare `owned` the work where the look has brought nothing that could change what was found before it."""
    if not placed.undecided and known == services(desired, observed):
        observed.memo["owned"] = desired, placed


def _held(desired: Desired, observed: Observed) -> frozenset[tuple[str, str]]:
    """Addresses as apps hold them, each with its key's hash, and with PROVEN where its certificate is proven now."""
    held: set[tuple[str, str]] = set()
    for target, publication in pairs(desired, observed):
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

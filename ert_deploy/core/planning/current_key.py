"""API key of one instance: a key that an app has and the instance accepts, or one created by this run.

Each instance has its own keys. A key of an app that no instance accepts is not part of the deployment and is never
reused.
"""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.core.model.keys import is_key
from ert_deploy.core.model.observed import Instance, Observed, Publication
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import Targets
from ert_deploy.core.planning.key_acceptance import takes


def held_keys(targets: Targets) -> Mapping[str, Secret]:
    """Return the keys in the environments of the targets, by hash, in the order of the targets."""
    held = (p.env.get(t.names.key) for t, p in targets)
    return {key.sha256(): key for key in held if key is not None and is_key(key)}


def current_key(instance: Instance, observed: Observed, held: Mapping[str, Secret]) -> Secret | None:
    """Return the key to use at this instance; None if the text of no accepted key is known.

    If several are known, it is the one added last, so that an interrupted key change is continued.
    """
    made = observed.made.get(instance.id)
    for digest in reversed(takes(instance, observed.state.record(instance.id))):
        if made is not None and made.sha256() == digest:
            return made
        if digest in held:
            return held[digest]
    return None


def keys_beside(instance: Instance, observed: Observed, targets: Targets) -> Mapping[str, Secret]:
    """Return the keys, by hash, that a target has along with the address or certificate of it."""
    return {
        key.sha256(): key
        for target, publication in targets
        if (key := publication.env.get(target.names.key)) is not None
        and is_key(key)
        and _points_at(observed, instance, publication, target.names.url, target.names.certificate)
    }


def _points_at(observed: Observed, instance: Instance, publication: Publication, url: str, pem: str) -> bool:
    health = observed.health.get(instance.id)
    proven = health.certificate if health is not None else None
    there = instance.address is not None and publication.env.get(url) == Secret(instance.address.url())
    return there or (proven is not None and publication.env.get(pem) == Secret(proven))

"""Keys of a machine: derived from its token under a secret of operator and app, so that none is stored or sent.

A machine begins with generation 0, and each key change takes the next one. The generation in use is found by the hashes
of the accepted keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.keys import machine_key
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.secret import Secret

GENERATIONS = 32  # keys of one machine that are tried, and so its key changes, before another machine is needed


def token_of(instance: Instance) -> str:
    """Return its token by its environment; empty if it has none."""
    return instance.born.token if instance.born is not None else ""


def machine_keys(desired: Desired, instance: Instance) -> Mapping[str, Secret]:
    """Return the derived keys of an instance by hash, in the order of their generations; none without a secret."""
    token = token_of(instance)
    return _derived(desired.machine_secret, token) if desired.machine_secret is not None and token else {}


def generation_of(desired: Desired, instance: Instance, key: Secret | None) -> int | None:
    """Return the generation of a derived key; None for any other key."""
    if key is None:
        return None
    found = [n for n, digest in enumerate(machine_keys(desired, instance)) if digest == key.sha256()]
    return found[0] if found else None


def next_key(desired: Desired, instance: Instance, known: Iterable[str]) -> Secret | None:
    """Return the key after the last one among these hashes; None without a secret, or after the last generation."""
    made = list(machine_keys(desired, instance).items())
    used = {*instance.key_hashes, *known}
    later = max((n + 1 for n, (digest, _) in enumerate(made) if digest in used), default=0)
    return made[later][1] if later < len(made) else None


def derives_for_apps(desired: Desired) -> bool:
    """Whether every app can use another machine by itself: the key is derived, and the app follows the address."""
    return desired.machine_secret is not None and all(target.follows for target in desired.targets)


@lru_cache(maxsize=64)
def _derived(secret: Secret, token: str) -> Mapping[str, Secret]:
    keys = (machine_key(secret, token, number) for number in range(GENERATIONS))
    return {key.sha256(): key for key in keys}

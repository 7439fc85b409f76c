"""Owned environment variables of a target: desired values, differences, and the fingerprint that validates them.

The fingerprint is a hash of all other variables. An app that recomputes it detects an inconsistent set, and an app that
reports it shows which configuration the running process uses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from ert_deploy.core.model.desired import USE_IN_PREVIEWS, OwnedNames, Target
from ert_deploy.core.model.observed import Publication
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.secret import Secret

Targets: TypeAlias = tuple[tuple[Target, Publication], ...]  # each with its current values
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


@quick_dataclass
class Change:
    """Names to write and names to delete, in writing order."""

    write: tuple[str, ...]
    delete: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.write or self.delete)


def fingerprint(values: Mapping[str, Secret]) -> str:
    """Return the first 16 hex digits of the SHA-256 over canonical JSON of the variables without the fingerprint."""
    plain = {name: value.reveal() for name, value in values.items()}
    return hashlib.sha256(_canonical(plain).encode()).hexdigest()[:16]


def held_fingerprint(names: OwnedNames, env: Mapping[str, Secret]) -> str:
    """Return the fingerprint of what an environment holds, not what it claims: that is written last."""
    return fingerprint({name: env[name] for name in names.all() if name in env and name != names.fingerprint})


def for_last_word(targets: Targets) -> dict[str, str]:
    """Return the variable of a new machine with the addresses of the apps, which its guard tells when it ends."""
    urls = dict.fromkeys(publication.app_url for _, publication in targets if publication.app_url)
    return {"ERT_APP_URLS": ",".join(urls)} if urls else {}


@lru_cache(maxsize=4)
def connected(target: Target, url: str, key: Secret, certificate: str, model: str = "") -> Mapping[str, Secret]:
    """Return the owned variables of a target that uses the backend, the fingerprint last.

    `model` is for an external server: one that is rented serves a single model. Without a certificate the app uses
    those of its system. Every observation of a backend in use compares them, so the last ones are kept.
    """
    names = target.names
    values = {
        names.enabled: Secret("true"),
        names.url: Secret(url),
        names.key: key,
        names.timeout: Secret(str(target.timeout)),
        **({names.certificate: Secret(certificate)} if certificate else {}),
        **({names.model: Secret(model)} if model else {}),
        **({names.previews: Secret(USE_IN_PREVIEWS)} if target.previews else {}),
        **{name: Secret("false") for name in names.disabled},
    }
    return MappingProxyType({**values, names.fingerprint: Secret(fingerprint(values))})


def withdrawn(target: Target) -> dict[str, Secret]:
    """Return the owned variables of a target without a backend: disabled, and without a URL."""
    return dict(_withdrawn(target.names))


@lru_cache(maxsize=16)
def _withdrawn(names: OwnedNames) -> Mapping[str, Secret]:
    values = {name: Secret("false") for name in (names.enabled, *names.disabled)}
    return {**values, names.fingerprint: Secret(fingerprint(values))}


def change(names: OwnedNames, current: Mapping[str, Secret], wanted: Mapping[str, Secret]) -> Change:
    """Return the variables to write and delete to change `current` to `wanted`; other variables are not considered."""
    known = names.all()
    return Change(
        write=tuple([n for n in known if n in wanted and (current.get(n),) != (wanted[n],)]),  # first by identity
        delete=tuple([n for n in known if n in current and n not in wanted]),
    )


def touched(names: OwnedNames, current: Mapping[str, Secret]) -> bool:
    """Whether any run has ever written to this service."""
    return names.url in current or names.key in current or names.certificate in current or names.fingerprint in current

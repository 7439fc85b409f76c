"""The variables a target owns: what they should be, what differs, and the fingerprint that proves them.

The fingerprint is a hash of all the others. An app that recomputes it refuses a torn set, and one that reports it
shows which configuration the running process really has.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ert_deploy.core.model.desired import USE_IN_PREVIEWS, OwnedNames, Target
from ert_deploy.core.model.observed import Publication
from ert_deploy.core.model.secret import Secret

Targets: TypeAlias = tuple[tuple[Target, Publication], ...]  # each with what was read of it
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Change:
    """Names to write and names to delete, in writing order."""

    write: tuple[str, ...]
    delete: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.write or self.delete)


def fingerprint(values: Mapping[str, Secret]) -> str:
    """First 16 hex digits of sha256 over canonical JSON of the variables without the fingerprint."""
    plain = {name: value.reveal() for name, value in values.items()}
    return hashlib.sha256(_canonical(plain).encode()).hexdigest()[:16]


def connected(target: Target, url: str, key: Secret, certificate: str) -> dict[str, Secret]:
    """The owned variables of a target that uses the backend, the fingerprint last."""
    names = target.names
    values = {
        names.enabled: Secret("true"),
        names.url: Secret(url),
        names.key: key,
        names.timeout: Secret(str(target.timeout)),
        names.certificate: Secret(certificate),
        **({names.previews: Secret(USE_IN_PREVIEWS)} if target.previews else {}),
        **{name: Secret("false") for name in names.disabled},
    }
    return {**values, names.fingerprint: Secret(fingerprint(values))}


def withdrawn(target: Target) -> dict[str, Secret]:
    """The owned variables of a target that has no backend: switched off, and nothing that points anywhere."""
    names = target.names
    values = {name: Secret("false") for name in (names.enabled, *names.disabled)}
    return {**values, names.fingerprint: Secret(fingerprint(values))}


def change(names: OwnedNames, current: Mapping[str, Secret], wanted: Mapping[str, Secret]) -> Change:
    """What has to be written and deleted to get from `current` to `wanted`; other variables do not exist here."""
    return Change(
        write=tuple(n for n in names.all() if n in wanted and current.get(n) != wanted[n]),
        delete=tuple(n for n in names.all() if n in current and n not in wanted),
    )


def touched(names: OwnedNames, current: Mapping[str, Secret]) -> bool:
    """Whether a deployment of ours ever wrote to this service."""
    return any(n in current for n in (names.url, names.key, names.certificate, names.fingerprint))

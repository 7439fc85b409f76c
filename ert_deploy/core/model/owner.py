"""Owner of an instance: the owner id of its config, and a hash of each service it was rented for.

It is stored in the instance's environment as `ERT_OWNER`, and neither in the `label` nor in the launch spec, so older
releases can still identify it and no instance is replaced because of it. If a config has no owner id, the services
identify the owner.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

OWNER = re.compile(r"[a-z][a-z0-9-]{5,31}")
_TEXT = re.compile(rf"({OWNER.pattern})?:((?:[0-9a-f]{{12}}(?:,[0-9a-f]{{12}})*)?)")


class Relation(StrEnum):
    """Result of comparing two owners. COPY: same id, but no service in common."""

    SAME = "same"
    OTHER = "other"
    COPY = "copy"
    UNKNOWN = "unknown"


SAME, OTHER, COPY, UNKNOWN = Relation  # names, as a lookup in an enum takes longer than a call on Python 3.11


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner ids and hashed service ids; `complete` if none is missing, so that a lack of common ones is significant."""

    ids: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    complete: bool = True

    def relation(self, other: Owner) -> Relation:
        """Return how an instance's owner relates to this one."""
        common = not self.services.isdisjoint(other.services)
        apart = bool(self.complete and self.services and other.services) and not common
        if self.ids and other.ids:
            if self.ids.isdisjoint(other.ids):
                return Relation.UNKNOWN if common else Relation.OTHER
            return Relation.COPY if apart else Relation.SAME
        if common:
            return Relation.SAME
        return Relation.OTHER if apart else Relation.UNKNOWN


@cache
def service_hash(service_id: str) -> str:
    """Return 12 hex digits that identify a service without revealing its id."""
    return hashlib.sha256(f"ert-service:{service_id}".encode()).hexdigest()[:12]


def owner_text(owner_id: str, services: Iterable[str]) -> str:
    """Return the value of `ERT_OWNER`; empty without an owner id and services."""
    hashes = ",".join(sorted(services))
    return f"{owner_id}:{hashes}" if owner_id or hashes else ""


NOBODY = Owner()


@cache
def parse_owner(text: str) -> Owner:
    """Return the owner in a value of `ERT_OWNER`; an empty owner if the format is invalid."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return NOBODY
    return Owner(frozenset(filter(None, [found[1]])), frozenset(filter(None, found[2].split(","))))

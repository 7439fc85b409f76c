"""Whose an instance is: the owner id of its config, and hashes of the services it was rented for.

It goes into the instance's environment as `ERT_OWNER`, and neither into the label nor into the launch spec: an older
release still reads the marks, and nothing is replaced for it. Where a config has no owner id, the services stand in.
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
    """What two owners are to each other. COPY: one id, and services that have nothing in common."""

    SAME = "same"
    OTHER = "other"
    COPY = "copy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner ids and service hashes; `complete` when no service is missing, so that "none in common" means something."""

    ids: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    complete: bool = True

    def relation(self, other: Owner) -> Relation:
        """What the owner of an instance is to this one."""
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
    """12 hex digits that stand for a service without naming it."""
    return hashlib.sha256(f"ert-service:{service_id}".encode()).hexdigest()[:12]


def owner_text(owner_id: str, services: Iterable[str]) -> str:
    """The value of `ERT_OWNER`; empty when nothing is known."""
    hashes = ",".join(sorted(services))
    return f"{owner_id}:{hashes}" if owner_id or hashes else ""


NOBODY = Owner()


@cache
def parse_owner(text: str) -> Owner:
    """The owner in a value of `ERT_OWNER`; what has another form names nobody."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return NOBODY
    return Owner(frozenset(filter(None, [found[1]])), frozenset(filter(None, found[2].split(","))))

"""Causes: what was seen, why it matters, and the command that ends it; with what follows from each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Repair(StrEnum):
    """What `doctor --fix` may do by itself. Write: variables of apps, and their deploy; no machine is touched."""

    NONE = ""
    WRITE = "write the variables of the apps and deploy them"


class Rank(IntEnum):
    """Where the ranks of a group begin: what is met on the way, deploys, and what concerns the next machine only."""

    PROBLEM = 100
    DEPLOY = 600
    NEXT = 800


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. `code` names its kind; the higher `rank`, the later it is told.

    `of` is the part that it is about, such as `container 7`; `explains` are parts whose causes follow from it.
    `wanted`: it is as the config asks, so that it is told and is no trouble.
    """

    code: str
    rank: int
    seen: str
    why: str
    fix: str
    of: str = ""
    explains: frozenset[str] = frozenset()
    repair: Repair = Repair.NONE
    detail: str = ""
    wanted: bool = False


def ranked(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return the causes, most likely first, without those that an earlier one explains and without repetitions."""
    told: list[Cause] = []
    explained: set[str] = set()
    for cause in sorted(causes, key=lambda one: one.rank):
        if cause.of and cause.of in explained:
            continue
        if any((cause.seen, cause.of) == (one.seen, one.of) for one in told):
            continue
        told.append(cause)
        explained |= cause.explains
    return tuple(told)

"""Links of a deployment, each good, bad or unknown, and the verdict on all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Result of one check. Missing data is unknown, never good."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Name(StrEnum):
    """The links, in the order in which they are shown: from the money to the report."""

    ACCOUNT = "account"
    CONTRACT = "contract"
    CONTAINER = "container"
    GUARD = "guard"
    IDENTITY = "identity"
    ENGINE = "engine"
    ENDPOINT = "endpoint"
    KEY = "key"
    MODEL = "model"
    APP_CONFIG = "app config"
    APP = "app instance"
    PROCESS = "app process"
    REPORT = "last report"
    STRAY = "stray"
    STATE = "state"


class Standing(StrEnum):
    """Verdict on the whole. Unclear: a provider could not be read, or the user has to decide about an instance."""

    AS_WANTED = "as wanted"
    DEGRADED = "degraded"
    UNCLEAR = "unclear"

    @property
    def exit_code(self) -> int:
        """Exit code of a command that reports it."""
        return {Standing.AS_WANTED: 0, Standing.DEGRADED: 6, Standing.UNCLEAR: 5}[self]


@dataclass(frozen=True, slots=True)
class Link:
    """One check: what is wanted next to what was seen. `subject` is the instance or the app that it is about.

    `why` explains a level that is not good: the cause, or the reason why nothing is known. `needed`: an unknown level
    means that the deployment cannot be called as wanted. `unclear`: it makes the verdict so.
    """

    name: Name
    level: Level
    wanted: str
    seen: str
    why: str = ""
    subject: str = ""
    needed: bool = True
    unclear: bool = False

    @property
    def degrades(self) -> bool:
        """Whether it keeps the deployment from being as wanted."""
        return self.level is Level.BAD or (self.level is Level.UNKNOWN and self.needed)


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that could not be read, with the reason."""

    reason: str


def standing(links: Iterable[Link]) -> Standing:
    """Return the verdict: what is unclear wins over what is degraded."""
    found = tuple(links)
    if any(link.unclear for link in found):
        return Standing.UNCLEAR
    return Standing.DEGRADED if any(link.degrades for link in found) else Standing.AS_WANTED

"""Input of a diagnosis: the facts of the verdict, and what else was read or refused on the way to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.observed import WebDeploy
from ert_deploy.core.verdict.facts import Facts


class Source(StrEnum):
    """What a problem was met at, in the order in which a command meets them."""

    CONFIG = "config"
    SETUP = "this computer"
    SANDBOX = "sandbox"
    STATE = "state"
    ACCOUNT = "account"
    GPU = "GPU provider"
    WEB = "web host"
    APP = "app"
    IMAGE = "image or model"
    MARKET = "market"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error, or one remark of the preflight, with its message and hint."""

    source: Source
    summary: str
    detail: str = ""
    hint: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Deploy:
    """The newest deploy of an app: `reason` is why it failed, `age` the seconds since it was made.

    `sleeps`: its host stops it when it is idle, so that its first response may take a minute.
    """

    deploy: WebDeploy
    reason: str = ""
    age: float = 0.0
    sleeps: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known. `facts` is None where a problem prevented the reading.

    `deploys` is by the name of the service, `failures` what the last failed machines left, oldest first, without those
    before the last one that became healthy. `clock` is how many seconds this computer's clock is ahead of the
    provider's. `holder` is who has held the lock for `held` seconds, `by_hand` without a process. `unoffered`: the
    GPU of a machine that could not be woken is not on the market.
    """

    problems: tuple[Problem, ...] = ()
    facts: Facts | None = None
    deploys: Mapping[str, Deploy] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    clock: float = 0.0
    holder: str = ""
    held: float = 0.0
    by_hand: bool = False
    unoffered: bool = False

    @property
    def at_work(self) -> bool:
        """Whether a process holds the lock, so that something may be under way."""
        return bool(self.holder) and not self.by_hand

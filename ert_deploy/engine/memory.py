"""What one run remembers between two looks. Losing it (a crash) costs patience, never money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.observed import Publication, Watch
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.ports import WebService


@dataclass(slots=True)
class Rental:
    """One create of this run: what the machine costs in $/h, its download and until it is healthy in $, and when.

    `until` is when it was gone, None while it exists or may.
    """

    hourly: float
    download: float
    until_healthy: float
    since: float
    until: float | None = None


@dataclass(slots=True)
class Memory:
    """One run's notes.

    `before` holds the owned variables of each target as they were before this run wrote to it, or as it last saw them
    proven, to put them back when its deploy fails. `ranked` is the last search, good until `ranked_until`. `tries`
    counts per instance how often it was not seen gone, `starts` how often this run started it, and `waiting` holds
    since when its reports hold up its stop; `stopped` are those that took a stop from this run. `deploys` are those it
    began, and `taken` counts how often a step was taken that should be needed once. `made` are the keys this run has
    made, by instance, `rotating` says that such a key is to take the place of the one in use, `proven` are the
    certificates that have proven themselves to this run, by instance, and `unanswered` counts changes of keys that a
    backend did not answer. `kept` is why nothing can take the place of what serves and does not fit the config.
    `created` are the tokens of the creates this run has asked for, and `ends` the machines on which their boots failed,
    by how, with the reason. `spending` is what they cost, by token. `account` is that of the key, once it was read, and
    `same` holds what else stands for it. `downloads` has when each download was first seen, and how many bytes of it
    were there. `doubts` counts the looks at instances that showed no environment.

    `origin` turns the steady clock into this run's own time, `first_seen` is since when a time in the state is known
    (those of `dated` are in it, which is `stamped` without times to come), and `begun` the time this run gives a state
    that it found blank. `due` is when a step that did not work may be tried again, `since` when an instance was first
    tried to be seen gone, `refused` what each call about one came to last. `unread` and `unsaved` say why the store
    cannot be used, `stored` is what it held last, and `carried` what it would hold if it could be.
    """

    watches: dict[InstanceId, Watch] = field(default_factory=dict)
    services: dict[str, WebService] = field(default_factory=dict)
    publications: tuple[Publication, ...] | None = None
    before: dict[str, Mapping[str, Secret]] = field(default_factory=dict)
    abandoned: dict[str, str] = field(default_factory=dict)
    ranked: tuple[Ranked, ...] = ()
    ranked_until: float = float("-inf")
    tried: set[str] = field(default_factory=set)
    rentals: int = 0
    lost: int = 0
    looks: int = 0
    blind: int = 0
    conflicts: int = 0
    tries: dict[InstanceId, int] = field(default_factory=dict)
    starts: dict[InstanceId, int] = field(default_factory=dict)
    stopped: set[InstanceId] = field(default_factory=set)
    waiting: dict[InstanceId, float] = field(default_factory=dict)
    deploys: set[str] = field(default_factory=set)
    made: dict[InstanceId, Secret] = field(default_factory=dict)
    rotating: bool = False
    proven: dict[InstanceId, str] = field(default_factory=dict)
    unanswered: int = 0
    kept: ErtError | None = None
    created: set[str] = field(default_factory=set)
    ends: dict[str, dict[str, str]] = field(default_factory=dict)
    spending: dict[str, Rental] = field(default_factory=dict)
    account: str = ""
    same: set[str] = field(default_factory=set)
    downloads: dict[InstanceId, tuple[float, int]] = field(default_factory=dict)
    doubts: int = 0
    taken: dict[Step, int] = field(default_factory=dict)
    origin: float | None = None
    first_seen: dict[tuple[str, float], float] = field(default_factory=dict)
    stamped: State | None = None
    dated: State | None = None
    begun: float = 0.0
    due: dict[Step, float] = field(default_factory=dict)
    since: dict[InstanceId, float] = field(default_factory=dict)
    refused: dict[InstanceId, ErtError] = field(default_factory=dict)
    refusals: dict[InstanceId, int] = field(default_factory=dict)
    unread: ErtError | None = None
    unsaved: ErtError | None = None
    stored: State | None = None
    carried: State | None = None

"""Context of a run: the current `Situation`, and the memory of the run between two reads of the actual state.

Without the memory, as after a crash, a run only waits longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ert_deploy.core.launching.manifest import UNASKED, Manifest
from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.market.learned import Pulled
from ert_deploy.core.model.boot.others import ALONE, Others
from ert_deploy.core.model.boot.watch import Watch
from ert_deploy.core.model.desired import Desired, Launch
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Observed, Offer, Publication
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.marks import Ownership
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.core.planning.situation import Situation
from ert_deploy.ports import WebService


@dataclass(slots=True)
class Rental:
    """One create of this run: price in $/h, $ for the download and until ready, and time of the create.

    `until` is the time at which the instance ceased to exist, None while it exists or may exist. `advertised` and
    `rate` are the advertised and the measured download rate in Mb/s, `started` the seconds until its port was reached.
    `disk` is the part of the price for the disk. It has `pulled` of the image and `ran` after `quiet`,
    and `arrived` are bytes of the model. `given` are the $ that its guard may spend.
    """

    hourly: float
    download: float
    until_healthy: float
    since: float
    until: float | None = None
    advertised: float = 0.0
    rate: float = 0.0
    started: float = 0.0
    disk: float = 0.0
    quiet: float = 0.0
    pulled: bool = False
    ran: bool = False
    arrived: int = 0
    given: float = 0.0


@dataclass(slots=True)
class RunMemory:
    """Data of one run.

    `services` are those that were read, and `known` their ids (hashed) with those in the config, until one is added;
    `read` is the time of the run just before their variables were last read.
    `before` has the owned variables of each target before this run changed it, or when they were last in use, to
    restore them if a deploy fails. `ranked` is the result of the last search, valid until `ranked_until`, and `launch`
    what to rent of it if no bid was possible. `tries` is the number of failed deletions or stops per instance, `starts`
    the starts by this run, and `waiting` is the time since which reports delay a stop; `stopped` are the instances that
    accepted a stop from this run. `deploys` are
    those started by this run, and `taken` is how often a step that should be needed once was executed; `awaited` is the
    instance for whose boot the last step waited: the same wait goes on without another `Started`. `made` are the
    keys created by this run, by instance, `rotating` means that such a key replaces the one in use, `proven` are the
    certificates checked by this run, by instance, and `unanswered` is the number of changes of keys without a response.
    `kept` is the reason why a backend in use that does not match the config cannot be replaced. `created` are the
    tokens of the creates of this run, and `ends` the machines on which a boot failed, by type of failure, with the
    reason. `spending` is their price by token, `curves` what is expected of their boot, and `rented` their offer.
    `unhedged` is the reason why no second machine could be rented, until `unhedged_until`; `overtaken` are the machines
    that a race gave up, `raced` is when the last one was run, `pulls` the rates of their links, and `order` is what the
    order of `ordered` was made of. `waits` is when the run began to wait for an offer.
    `registries_read`: they were asked about image and model, and `image` is the response about the first.
    `credit_checked`: it was compared for all replicas.
    `account` is the id of the key's account once it was read, and `same` are other ids of it. `downloads` is the time
    and number of bytes at which each download was first seen. `doubts` is how often an instance was read without an
    environment.

    `origin` converts the steady clock to the time of this run, `first_seen` is the time at which each stored time was
    first read (those of `dated`, which is `stamped` without future values), and `begun` the start time that this run
    assigns to an empty state. `due` is when a failed step may be repeated, `since` when the deletion of an instance was
    first checked, `refused` the last error of the calls for an instance. `unread` and `unsaved` are the errors of an
    unusable store, `stored` is the last known content, and `carried` the content that it would have if it was usable.
    `placed` are the instances by owner as they follow from `given`, until anything of that is different. `pending` are
    events that the next write of the state adds to its history.

    Of a fleet: `doing` is the last step, `others` what the other replicas had when the state was read, `traced`
    that any replica exists, `tied` that another one has anything in the account of the state, `removed` that this one
    was removed for good, or never rented. `stalled`: none of them does anything that could end the wait for a turn,
    `stalled_since` is the start of that wait. With `joins` others are to publish with it, until `join_until` at the
    latest; 0 if that has not come up yet.
    """

    watches: dict[InstanceId, Watch] = field(default_factory=dict)
    services: dict[str, WebService] = field(default_factory=dict)
    read: float = 0.0
    known: frozenset[str] | None = None
    publications: tuple[Publication, ...] | None = None
    before: dict[str, Mapping[str, Secret]] = field(default_factory=dict)
    abandoned: dict[str, str] = field(default_factory=dict)
    ranked: tuple[Ranked, ...] = ()
    ranked_until: float = float("-inf")
    launch: Launch | None = None
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
    curves: dict[str, Curve] = field(default_factory=dict)
    rented: dict[str, Offer] = field(default_factory=dict)
    unhedged: ErtError | None = None
    unhedged_until: float = 0.0
    raced: float = float("-inf")
    overtaken: set[str] = field(default_factory=set)
    pulls: dict[str, Pulled] = field(default_factory=dict)
    order: tuple[object, ...] = ()
    ordered: tuple[Ranked, ...] | None = None
    waits: list[float] = field(default_factory=list)
    registries_read: bool = False
    credit_checked: bool = False
    image: Manifest = UNASKED
    account: str = ""
    same: set[str] = field(default_factory=set)
    downloads: dict[InstanceId, tuple[float, int]] = field(default_factory=dict)
    doubts: int = 0
    taken: dict[Step, int] = field(default_factory=dict)
    awaited: InstanceId | None = None
    origin: float | None = None
    first_seen: dict[tuple[str, float], float] = field(default_factory=dict)
    stamped: State | None = None
    dated: State | None = None
    begun: float = 0.0
    due: dict[Step, float] = field(default_factory=dict)
    since: dict[InstanceId, float] = field(default_factory=dict)
    refused: dict[InstanceId, ErtError] = field(default_factory=dict)
    refusals: dict[InstanceId, int] = field(default_factory=dict)
    given: tuple[object, ...] | None = None
    placed: Ownership | None = None
    unread: ErtError | None = None
    unsaved: ErtError | None = None
    stored: State | None = None
    carried: State | None = None
    pending: list[Happened] = field(default_factory=list)
    doing: Step | None = None
    others: Others = ALONE
    joins: bool = False
    traced: bool = False
    tied: bool = False
    removed: bool = False
    stalled: bool = False
    stalled_since: float | None = None
    join_until: float = 0.0

    def for_new_key(self) -> RunMemory:
        """Return the memory of a second run of the same command, for a new key: what it rented still counts."""
        return RunMemory(
            rotating=True, tried=self.tried, rentals=self.rentals, lost=self.lost, created=self.created, ends=self.ends,
            spending=self.spending, overtaken=self.overtaken, origin=self.origin,
        )  # fmt: skip


@dataclass(slots=True)
class Run:
    """Input of the step handlers. The `Situation` changes during a run, the memory is the same object.

    `desired` and `observed` are those of the situation.
    """

    situation: Situation
    memory: RunMemory
    desired: Desired = field(init=False)
    observed: Observed = field(init=False)

    def __post_init__(self) -> None:
        self.desired, self.observed = self.situation.desired, self.situation.observed

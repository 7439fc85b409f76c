"""Service container: creates the components of one dashboard process from its settings, and closes them."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ert_dashboard import __version__
from ert_dashboard.auth.access import Access
from ert_dashboard.auth.sessions import Sessions
from ert_dashboard.backend.agent_client import AgentClient
from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.fleet import Fleet
from ert_dashboard.backend.fleet_costs import Cost
from ert_dashboard.backend.readiness import ReadinessProbe
from ert_dashboard.backend.workflow_client import WorkflowClient
from ert_dashboard.base.clock import Clock, SystemClock, iso
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.owned import Configuration
from ert_dashboard.base.rate_limit import MakeLimiter, own_limits
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.shared import Role
from ert_dashboard.market.model import MarketData
from ert_dashboard.market.sources_chain import build_market
from ert_dashboard.reports.follower import AddressFollower
from ert_dashboard.reports.lane_probe import LaneProbe
from ert_dashboard.reports.queue import DeskLimits, ReportDesk
from ert_dashboard.reports.waker import Waker
from ert_dashboard.settings import Settings
from ert_dashboard.storage.interface import Store, StoreTrouble
from ert_dashboard.storage.job import Job, ReportData, Status, summary
from ert_dashboard.storage.process import Process
from ert_dashboard.storage.store import FileStore, default_path
from ert_dashboard.web.bodies import StatusUpdate
from ert_dashboard.web.machine_body import BackendCounts, Together, together

if TYPE_CHECKING:
    from ert_dashboard.web.channel import Channel
    from ert_dashboard.web.shared_limits import SharedLimits

_LOG = logging.getLogger(__name__)
_CLOSE_S = 5.0


@dataclass(frozen=True)
class Service:
    """Components that handle requests. `close()` stops the threads and releases the files."""

    settings: Settings
    clock: Clock
    market: MarketData
    store: Store
    fleet: Fleet | None
    desk: ReportDesk
    probe: ReadinessProbe
    agent: AgentClient | None = None
    workflow: WorkflowClient | None = None
    follower: AddressFollower | None = None
    probes: tuple[LaneProbe, ...] = ()
    sessions: Sessions | None = None
    channel: Channel | None = None
    shared: SharedLimits | None = None
    limits: MakeLimiter = field(default_factory=lambda: own_limits(SystemClock()))

    def start(self) -> None:
        """Start the threads."""
        for probe in self.probes:
            probe.start()
        self.desk.start()

    def close(self) -> None:
        self.desk.close()
        for probe in self.probes:
            probe.close(_CLOSE_S)
        if self.channel is not None:
            self.channel.close()
        if self.shared is not None:
            self.shared.close()
        if self.fleet is not None:
            self.fleet.close()
        if self.agent is not None:
            self.agent.close()
        if self.workflow is not None:
            self.workflow.close()
        self.store.close()

    @property
    def client(self) -> BackendClient | None:
        """The client of the backend that the status page shows: of several, the first that is up."""
        return None if self.fleet is None else self.fleet.shown().client

    def backends(self) -> BackendCounts | None:
        """Return how many backends are up, as the last checks found them; None without a list of backends."""
        if self.fleet is None or not self.fleet.listed:
            return None
        counts = self.fleet.counts()
        return {"up": counts.up, "of": counts.of}

    def costs(self) -> tuple[Cost, ...]:
        """Return the cost of each of several machines; () without a list of them."""
        if self.fleet is None or not self.fleet.listed or len(self.fleet.lanes) < 2:
            return ()
        return self.fleet.costs.each()

    def together(self) -> Together | None:
        """Return price and spend of several machines; None without a list of them."""
        costs = self.costs()
        return together(costs) if costs else None

    def fingerprint(self) -> str | None:
        """Return the fingerprint of the configuration that this process uses now; None if it is not complete."""
        return self.settings.fingerprint if self.follower is None else self.follower.fingerprint

    def data(self, job: Job) -> ReportData:
        """Return the `data` object of one job."""
        return self.data_of([job])[0]

    def data_of(self, jobs: list[Job]) -> list[ReportData]:
        """Return the `data` objects of many jobs, reading the queue once."""
        waiting = self.desk.waiting() if any(job.status is Status.QUEUED for job in jobs) else {}
        typical = None if all(job.over for job in jobs) else self.store.typical_seconds()
        return [summary(job, typical_s=typical, ahead=waiting.get(job.report_id)) for job in jobs]

    def forgotten(self) -> int | None:
        """Return the number of reports that the next deploy deletes; None where deploys delete none."""
        if self.store.outlives_deploys or not self.settings.new_disk_per_deploy:
            return None
        return len(self.store.latest(999))

    def status(self) -> StatusUpdate:
        """Return the body of `status_update` and `/api/status`. Never calls the backend."""
        active, queued = self.desk.counts()
        settings = self.settings
        return {
            "status": "online",
            "timestamp": iso(self.clock.wall()),
            "version": __version__,
            "configuration": settings.configuration,
            "problem": settings.problem,
            "active_reports": active,
            "queue_size": queued,
            "max_queue_size": settings.max_queue,
            "updates": "delayed" if self.channel is not None and not self.channel.live else "live",
            "reports": self.data_of(self.store.latest(20)),
        }


def start_service(settings: Settings, *, market: MarketData | None = None, clock: Clock | None = None) -> Service:
    """Open the store and create the components, without starting threads; raise `BadSetting`."""
    clock = clock or SystemClock()
    store = _open_store(settings)
    try:
        channel, shared = _open_channel(settings, clock)
        limits = own_limits(clock) if shared is None else shared.limiter
        market = market or build_market(settings.sources, store.fetched, clock, limits)
    except BadSetting:
        store.close()
        raise
    fleet = Fleet(settings.backends, clock, settings.machine) if settings.backends else None
    agent = AgentClient(settings.agent) if settings.agent else None
    workflow = WorkflowClient(settings.workflow, clock) if settings.workflow else None
    wakes = agent or workflow
    waker = Waker(wakes, store.waker, clock, automatic=settings.access.login) if wakes else None
    follower = (
        AddressFollower(
            agent, fleet.shown().client, settings.backends[0], settings.owned, settings.agent.machine_secret
        )
        if settings.agent and agent and fleet and not fleet.listed
        else None
    )
    of_desk = DeskLimits(settings.max_queue, settings.workers, settings.wake_wait_s, settings.kept_s)
    writes = None if settings.role is Role.WEB else fleet
    desk = ReportDesk(store, writes, clock, of_desk, waker=waker, follower=follower, machine=settings.machine)
    if settings.configuration is Configuration.COMPLETE:
        _LOG.info("Remote LLM integration loaded")
        for line in settings.left_out:
            _LOG.warning("%s", line)
    else:
        _LOG.warning("Remote LLM integration not loaded (%s): %s", settings.configuration, settings.problem)
    return Service(
        settings=settings,
        clock=clock,
        market=market,
        store=store,
        fleet=fleet,
        desk=desk,
        probe=ReadinessProbe(fleet, settings.problem, clock, settings.left_out),
        agent=agent,
        workflow=workflow,
        follower=follower,
        probes=_probes(fleet, desk),
        sessions=_sessions(settings.access, store, clock),
        channel=channel,
        shared=shared,
        limits=limits,
    )


def _probes(fleet: Fleet | None, desk: ReportDesk) -> tuple[LaneProbe, ...]:
    """Return the checks of the backends of a list; a single backend is asked by those who need it."""
    if fleet is None or not fleet.listed:
        return ()
    return tuple(LaneProbe(fleet, lane, desk.look, desk.known_counts, desk.waking) for lane in fleet.lanes)


def _open_store(settings: Settings) -> Store:
    if settings.database_url is not None:
        return _open_database(settings, settings.database_url)
    path = settings.database or default_path(settings.port)
    try:
        return FileStore(path, keep=settings.kept_reports)
    except (OSError, sqlite3.Error, StoreTrouble) as error:
        raise BadSetting(f"ERT_DASHBOARD_DB: the report store cannot be used: {error}") from error


def _open_database(settings: Settings, url: Secret) -> Store:
    try:
        from ert_dashboard.storage.sql.store import SqlStore  # its libraries take memory, and most need only a file
    except ImportError as error:
        raise BadSetting(f"DATABASE_URL needs the package {error.name}: pip install -r requirements.txt") from None
    try:
        said = Process(settings.instance, settings.role, settings.fingerprint, settings.numbered)
        return SqlStore(url, keep=settings.kept_reports, lease_s=settings.lease_s, said=said)
    except StoreTrouble as error:
        raise BadSetting(f"DATABASE_URL: {error}") from error


def _open_channel(settings: Settings, clock: Clock) -> tuple[Channel | None, SharedLimits | None]:
    """Return the live channel and the limits of all processes; None without a key value store."""
    if settings.redis_url is None:
        return None, None
    try:
        from ert_dashboard.web.channel import Channel  # only several processes need its library
        from ert_dashboard.web.shared_limits import SharedLimits
    except ImportError as error:
        raise BadSetting(f"REDIS_URL needs the package {error.name}: pip install -r requirements.txt") from None
    try:
        shared = SharedLimits(settings.redis_url, clock)
        return Channel(settings.redis_url, clock, write_only=settings.role is Role.WORKER), shared
    except ValueError:
        raise BadSetting("REDIS_URL must be of the form redis://HOST:PORT") from None


def _sessions(access: Access, store: Store, clock: Clock) -> Sessions | None:
    if access.password is None:
        return None
    return Sessions(store.logins, clock, tag=access.password.tag(), lifetime_s=access.session_s)

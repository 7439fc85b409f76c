"""`reap`: find instances of this deployment that are not in the state, and delete them after confirmation."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from ert_deploy.app.deployment import SILENT, Config, Progress, new_run_id, opened
from ert_deploy.app.external.rented_only import must_list
from ert_deploy.app.money.record import record
from ert_deploy.app.notify.announce import announce
from ert_deploy.app.outcome import Doubts
from ert_deploy.app.replicas.sessions import of_replica
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.notices.notice import Findings, Kind
from ert_deploy.core.notices.of_look import UNRECORDED
from ert_deploy.core.notices.of_run import of_strays
from ert_deploy.engine import reap as engine
from ert_deploy.engine.reap import Found
from ert_deploy.engine.run import Ports, run
from ert_deploy.wiring import Session

SERVES = "it proves its identity and serves, and no state here contains it (is its state elsewhere?)"


@dataclass(frozen=True, slots=True)
class Strays:
    """Result of the search, by deployment. Empty if the sandbox is not running."""

    found: dict[str, Found] = field(default_factory=dict)
    session: Session | None = None

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The instances that `reap` would destroy."""
        return tuple(i for one in self.found.values() for i in one.strays)

    @property
    def others(self) -> tuple[InstanceId, ...]:
        """The instances of another owner, which are never touched."""
        return tuple(sorted(i.id for one in self.found.values() for i in one.others))

    @property
    def without_state(self) -> tuple[str, ...]:
        """The deployments whose state was not found."""
        return tuple(sorted(name for name, one in self.found.items() if one.blank))

    @property
    def undecided(self) -> Doubts:
        """The instances that the user has to assign, each with the reason; `reap` does not change them."""
        serving = ((i.id, SERVES) for one in self.found.values() for i in one.serving)
        doubtful = ((u.instance.id, u.why) for one in self.found.values() for u in one.undecided)
        return tuple(sorted({*serving, *doubtful}))


def find_strays(config: Config = None, *, all_deployments: bool = False, progress: Progress = SILENT) -> Strays:
    """Search for such instances, of one deployment or of all. Read-only.

    Raises UsageError, and CannotObserve if the list or a state cannot be read.
    """
    deployment = opened(config)
    if not deployment.sandbox_runs():
        return Strays()
    session = deployment.session(progress, web=False)
    must_list(session)
    own, marks = session.desired.deployment, [i.mark for i in session.ports.gpu.list_instances() if i.mark is not None]
    names = {own, *(m.deployment for m in marks if all_deployments or replica_of(m.deployment)[0] == own)}
    found = {name: run(engine.find(_wanted(session, name)), _elsewhere(session, name)) for name in sorted(names)}
    strays = Strays(found, session)
    named = (*((i.id, UNRECORDED) for i in strays.instances), *strays.undecided)
    announce(deployment, Findings(of_strays(named), (f"{Kind.ORPHAN}/",))).wait(progress)
    return strays


def must_have_state(strays: Strays, *, state_is_lost: bool) -> None:
    """Raise UsageError if no state exists, unless the caller states that it is gone and not stored elsewhere."""
    blank = sorted(name for name, one in strays.found.items() if one.blank and one.strays)
    if blank and not state_is_lost:
        raise UsageError(
            f"there is no state of {', '.join(blank)} here, so that all its instances would count as strays",
            "the state may be in another folder, on another machine, or under another S3 key; nothing was destroyed",
            "--state-is-lost if it is gone for good; `ert-deploy up` adopts these instances, `down` destroys them",
        )


def reap(strays: Strays, *, state_is_lost: bool = False, progress: Progress = SILENT) -> tuple[InstanceId, ...]:
    """Delete the instances found by `find_strays` and return the ids of those that no longer exist.

    Raises UsageError if no state exists and `state_is_lost` is not set, `Busy`, CannotObserve, and NeedsAttention with
    the instances that still exist.
    """
    must_have_state(strays, state_is_lost=state_is_lost)
    gone: tuple[InstanceId, ...] = ()
    with ExitStack() as locks:
        for name, one in strays.found.items():
            if one.strays and strays.session is not None:
                ports = replace(_elsewhere(strays.session, name), audience=progress)
                locks.enter_context(ports.store.lock(new_run_id()))
                gone += run(engine.reap(one.strays, strays.session.desired.timings.poll), ports)
    if strays.session is not None:
        record(strays.session, progress)
    return gone


def _wanted(session: Session, name: str) -> Desired:
    """Return the settings for the search; those of any other deployment have no services."""
    deployment, number = replica_of(name)
    if deployment == session.desired.deployment:
        return of_replica(session, number).desired
    return replace(session.desired, deployment=name, targets=(), services=frozenset())


def _elsewhere(session: Session, name: str) -> Ports:
    """Return the ports with the state of `name`, if this config defines its location."""
    from ert_deploy.adapters.state.ephemeral import StateNowhere
    from ert_deploy.stores import store_of

    deployment, number = replica_of(name)
    if deployment == session.desired.deployment:
        return of_replica(session, number).ports
    store = store_of(session.settings, name, session.ports.clock)
    return replace(session.ports, store=store or StateNowhere(name))

"""`reap`: find instances of ours that no state knows, and destroy those that were shown."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from ert_deploy.app.deployment import SILENT, Config, Progress, new_run_id, opened
from ert_deploy.app.outcome import Doubts
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.engine import reap as engine
from ert_deploy.engine.reap import Found
from ert_deploy.engine.run import Ports, run
from ert_deploy.wiring import Session

SERVES = "it proves its identity and serves, and no state here contains it (is its state elsewhere?)"


@dataclass(frozen=True, slots=True)
class Strays:
    """What one look for strays came to, by deployment. Where the sandbox does not run, nothing is there."""

    found: dict[str, Found] = field(default_factory=dict)
    session: Session | None = None

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Those that `reap` would destroy."""
        return tuple(i for one in self.found.values() for i in one.strays)

    @property
    def others(self) -> tuple[int, ...]:
        """The instances that are another owner's; nothing touches them."""
        return tuple(sorted(i.id for one in self.found.values() for i in one.others))

    @property
    def without_state(self) -> tuple[str, ...]:
        """The deployments of which no state is known here."""
        return tuple(sorted(name for name, one in self.found.items() if one.blank))

    @property
    def undecided(self) -> Doubts:
        """The instances that a person has to decide about, each with the reason; `reap` leaves them alone."""
        serving = ((i.id, SERVES) for one in self.found.values() for i in one.serving)
        doubtful = ((u.instance.id, u.why) for one in self.found.values() for u in one.undecided)
        return tuple(sorted({*serving, *doubtful}))


def find_strays(config: Config = None, *, all_deployments: bool = False, progress: Progress = SILENT) -> Strays:
    """Look for strays, of one deployment or of every one on the account. Changes nothing.

    Raises UsageError, and CannotObserve when the list or a state cannot be read.
    """
    deployment = opened(config)
    if not deployment.sandbox_runs():
        return Strays()
    session = deployment.session(progress, web=False)
    names = {session.desired.deployment}
    if all_deployments:
        names |= {i.mark.deployment for i in session.ports.gpu.list_instances() if i.mark is not None}
    found = {name: run(engine.find(_wanted(session, name)), _elsewhere(session, name)) for name in sorted(names)}
    return Strays(found, session)


def must_have_state(strays: Strays, *, state_is_lost: bool) -> None:
    """Raises UsageError where there is no state, unless somebody says that it is lost and not somewhere else."""
    blank = sorted(name for name, one in strays.found.items() if one.blank and one.strays)
    if blank and not state_is_lost:
        raise UsageError(
            f"there is no state of {', '.join(blank)} here, so that all its instances would count as strays",
            "the state may be in another folder, on another machine, or under another S3 key; nothing was destroyed",
            "--state-is-lost if it is gone for good; `ert-deploy up` adopts these instances, `down` destroys them",
        )


def reap(strays: Strays, *, state_is_lost: bool = False, progress: Progress = SILENT) -> tuple[int, ...]:
    """Destroy the strays that `find_strays` showed and see them gone; the ids of those that are.

    Raises UsageError where there is no state and `state_is_lost` does not say that this is no mistake, Busy,
    CannotObserve, and NeedsAttention naming what cannot be seen gone.
    """
    must_have_state(strays, state_is_lost=state_is_lost)
    gone: tuple[int, ...] = ()
    with ExitStack() as locks:
        for name, one in strays.found.items():
            if one.strays and strays.session is not None:
                ports = replace(_elsewhere(strays.session, name), audience=progress)
                locks.enter_context(ports.store.lock(new_run_id()))
                gone += run(engine.reap(one.strays, strays.session.desired.timings.poll), ports)
    return gone


def _wanted(session: Session, name: str) -> Desired:
    """What to look with: of another deployment we know neither targets nor services."""
    if name == session.desired.deployment:
        return session.desired
    return replace(session.desired, deployment=name, targets=(), services=frozenset())


def _elsewhere(session: Session, name: str) -> Ports:
    """The same ports with another deployment's state, as far as this config says where that is."""
    from ert_deploy.adapters.state.ephemeral import StateNowhere
    from ert_deploy.stores import store_of

    if name == session.desired.deployment:
        return session.ports
    store = store_of(session.settings, name, session.ports.clock)
    return replace(session.ports, store=store or StateNowhere(name))

"""`status` and `plan`: what there is, and what would be done about it. Neither changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, opened
from ert_deploy.app.outcome import Backend, Doubts, Service, backends, foreign, in_doubt, services
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning import plan as planning
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.app_proof import Finding
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import observe
from ert_deploy.engine.preflight import findings
from ert_deploy.engine.run import run
from ert_deploy.wiring import Session

SHOWN = 5  # names of variables; an account may have many


@dataclass(frozen=True, slots=True)
class Status:
    """What exists at `now`, in Unix seconds. `sandbox_stopped`: the sandbox is not running, so nothing is.

    `undecided` are the instances that a person has to decide about, each with the reason; `others` are another owner's.
    `unsettled_creates` counts create calls whose outcome is not known, `to_be_destroyed` are instances that were asked
    to go and not seen gone yet, `denied_machines` are those that nothing is rented on for a while.
    """

    deployment: str
    now: float = 0.0
    backends: tuple[Backend, ...] = ()
    services: tuple[Service, ...] = ()
    undecided: Doubts = ()
    others: tuple[int, ...] = ()
    unsettled_creates: int = 0
    to_be_destroyed: tuple[int, ...] = ()
    denied_machines: tuple[int, ...] = ()
    sandbox_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that would be taken: the first follow from what is seen now, the rest is a forecast.

    `findings` is what a person should know before `up`; one that `stops` is a reason for which `up` refuses.
    """

    deployment: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    undecided: Doubts = ()
    others: tuple[int, ...] = ()


def status(config: Config = None, *, progress: Progress = SILENT) -> Status:
    """What is running, what it costs, and what the apps use: read from the providers, not only from the state.

    Raises UsageError, or CannotObserve where a provider could not be read in full; never an empty answer in its place.
    """
    deployment = opened(config)
    if not deployment.sandbox_runs():
        return Status(deployment.name, sandbox_stopped=True)
    _, situation = _look(deployment, progress)
    desired, observed, state = situation.desired, situation.observed, situation.observed.state
    return Status(
        deployment=desired.deployment,
        now=observed.now,
        backends=backends(situation),
        services=services(observed),
        undecided=in_doubt(situation),
        others=foreign(situation),
        unsettled_creates=len(state.intents),
        to_be_destroyed=tuple(t.id for t in state.tombstones),
        denied_machines=tuple(sorted(state.denied_machines(observed.now))),
    )


def plan(config: Config = None, phase: Phase = Phase.RUNNING, *, progress: Progress = SILENT) -> Plan:
    """What `up` would do, or with another phase `sleep` (ASLEEP) or `down` (ABSENT). Starts the sandbox to look at it.

    Raises UsageError or CannotObserve.
    """
    session, seen = _look(opened(config), progress)
    desired = replace(session.desired, phase=phase)
    found: tuple[Finding, ...] = ()
    if phase is Phase.RUNNING:
        found = (*run(findings(desired, Memory()), session.ports), *_of_the_account(session))
    situation = Situation(desired, seen.observed, seen.placed)
    doubts, others = in_doubt(situation), foreign(situation)
    return Plan(desired.deployment, planning.plan(situation), found, doubts, others)


def _look(deployment: Deployment, progress: Progress) -> tuple[Session, Situation]:
    """One look at a deployment, without the lock and without a change."""
    session = deployment.session(progress, start_sandbox=True)
    return session, run(observe(session.desired, Memory()), session.ports)


def _of_the_account(session: Session) -> Iterator[Finding]:
    """What the Vast account puts into the container besides what we order."""
    try:
        names = session.ports.gpu.account_variables()
        why = "the key may not read them (user_read)"
    except CannotObserve as error:
        names, why = None, error.summary
    if names is None:
        what = "the variables of the Vast.ai account, which are set in every container, were not read"
        yield Finding(what, why, stops=False)
    elif names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield Finding(
            f"the Vast.ai account puts {', '.join(names[:SHOWN])}{more} into every container, also into this one",
            "the machine's host can read them: delete them in the console, or use an account of its own",
            stops=False,
        )

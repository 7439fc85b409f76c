"""`plan`: the steps that a run would execute. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, opened
from ert_deploy.app.market import ranked
from ert_deploy.app.outcome import Doubts, foreign, in_doubt
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CannotObserve, ErtError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.steps import Rent, Step
from ert_deploy.core.planning import plan as planning
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.app_proof import Finding
from ert_deploy.engine.market.registries import registry_findings
from ert_deploy.engine.observe import observe
from ert_deploy.engine.preflight import findings
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import Memory
from ert_deploy.wiring import Session

SHOWN = 5  # maximum number of variables to name; there may be many


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps that would be executed: the first follow from the actual state, all later ones are a forecast.

    `findings` are facts to know before `up`; one with `stops` makes `up` fail. `offer` is the one that would be rented
    now out of `matching`, None if none would be, or if the market could not be read; `hours` are the planned ones.
    `sandbox`: offers and prices are made up.
    """

    deployment: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    undecided: Doubts = ()
    others: tuple[InstanceId, ...] = ()
    offer: Ranked | None = None
    matching: int = 0
    hours: float = 0.0
    sandbox: bool = False


def plan(config: Config = None, phase: Phase = Phase.RUNNING, *, progress: Progress = SILENT) -> Plan:
    """Return the steps of `up`, or with another `phase` those of `sleep` or `down`. Never starts the sandbox.

    Raises UsageError or CannotObserve.
    """
    session, seen = _look(opened(config), progress)
    desired = replace(session.desired, phase=phase)
    found: tuple[Finding, ...] = ()
    if phase is Phase.RUNNING:
        found = (*run(findings(desired, Memory()), session.ports), *_of_the_account(session))
    situation = Situation(desired, seen.observed, seen.placed)
    doubts, others, planned = in_doubt(situation), foreign(situation), planning.plan(situation)
    made = Plan(
        desired.deployment, planned, found, doubts, others, hours=desired.plan_hours, sandbox=session.in_sandbox
    )
    if not any(isinstance(step, Rent) for step in planned):
        return made
    made = replace(made, findings=(*found, *run(registry_findings(desired.launch), session.ports)))
    try:
        choice = ranked(session, desired, situation.observed.state)
    except ErtError as error:
        note = Finding("the market was not read, so the offer and its cost are not known", error.summary, stops=False)
        return replace(made, findings=(*made.findings, note))
    if not choice.ranked:
        note = Finding(
            f"no offer matches (of {len(choice.rejected)})", "`ert-deploy offers` shows which filter removes most"
        )
        return replace(made, findings=(*made.findings, note))
    return replace(made, offer=choice.ranked[0], matching=len(choice.ranked))


def _look(deployment: Deployment, progress: Progress) -> tuple[Session, Situation]:
    """Read the actual state once, without the lock and without changes."""
    session = deployment.session(progress)
    return session, run(observe(session.desired, Memory()), session.ports)


def _of_the_account(session: Session) -> Iterator[Finding]:
    """Yield the variables that the provider adds to the container besides those of the create call."""
    try:
        names = session.ports.gpu.account_variables()
        why = "the key may not read them (user_read)"
    except CannotObserve as error:
        names, why = None, error.summary
    if names is None:
        what = "the variables of the GPU account, which are set in every container, were not read"
        yield Finding(what, why, stops=False)
    elif names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield Finding(
            f"the GPU account puts {', '.join(names[:SHOWN])}{more} into every container, also into this one",
            "the machine's host can read them: delete them in the console, or use an account of its own",
            stops=False,
        )

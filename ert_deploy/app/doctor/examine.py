"""`doctor`: reads everything once and names the causes, most likely first; repairs what is safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, at_work, opened
from ert_deploy.app.external.check import ensure_usable, unable
from ert_deploy.app.external.look import with_server
from ert_deploy.app.replicas.sessions import of_replica
from ert_deploy.core.diagnosis.cause import Cause, Repair
from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Evidence, Problem, Source
from ert_deploy.core.diagnosis.server import CODES
from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import ErtError, NeedsAttention, UsageError
from ert_deploy.core.planning import plan as planning
from ert_deploy.engine.apply import apply
from ert_deploy.engine.diagnosis.read import read_evidence
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.wiring import Session

# Steps that `--fix` may take: none of them rents, starts, stops or destroys a machine.
SAFE = (
    steps.RecordInstance, steps.Pin, steps.Publish, steps.Deploy, steps.Prove, steps.AddKey, steps.DropKeys,
    steps.Drain, steps.Settle, steps.DropIntent,
)  # fmt: skip
# What the other steps do with a machine, for people.
MORE: Mapping[type[steps.Step], str] = {
    steps.Rent: "rent", steps.Wake: "start", steps.Stop: "stop", steps.Retire: "destroy", steps.Destroy: "destroy",
}  # fmt: skip
READ_ONLY = (
    "give this user the right to write there, mount it for writing, or name another place (`state` in the config)"
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Causes of one deployment, most likely first; none if nothing is wrong. `evidence` is what they follow from.

    `refused` is why `fix` would not repair any of them, although variables could; empty if it would.
    """

    deployment: str
    causes: tuple[Cause, ...]
    evidence: Evidence
    refused: str = ""

    @property
    def fixable(self) -> tuple[Cause, ...]:
        """The causes that `fix` repairs."""
        return () if self.refused else _repaired(self.causes)

    @property
    def exit_code(self) -> int:
        """0: all is as the config wants; 5: a provider cannot be read, or an instance has no certain owner; else 6."""
        if any(cause.code in ("unread", "stray", "gpu", "web", "account", "state") for cause in self.causes):
            return NeedsAttention.exit_code
        return 6 if any(not cause.wanted for cause in self.causes) else 0


def doctor(config: Config = None, *, progress: Progress = SILENT) -> Diagnosis:
    """Return what is wrong. Raises nothing that is a cause itself; writes, rents and destroys nothing.

    An external server is asked for a short completion, as by `up`.
    """
    try:
        deployment = opened(config)
    except UsageError as error:
        return _before("", Source.CONFIG, error)
    try:
        if not deployment.sandbox_runs():
            return Diagnosis(deployment.name, (), Evidence())
        session = deployment.session(progress)
    except UsageError as error:
        source = Source.SANDBOX if deployment.settings.sandbox is not None else Source.SETUP
        return _before(deployment.name, source, error)
    return together([_of_one(one, deployment) for one in _each(session)])


def _each(session: Session) -> list[Session]:
    """Return the session of each replica."""
    return [of_replica(session, number) for number in range(1, session.desired.replicas + 1)]


def _of_one(session: Session, deployment: Deployment) -> Diagnosis:
    evidence = _with_server(run(read_evidence(session.desired), session.ports), session)
    evidence = _with_store(evidence, deployment, session.ports.clock.now())
    causes = diagnose(evidence)
    return Diagnosis(deployment.name, causes, evidence, _refused(causes, evidence, session))


def together(each: Sequence[Diagnosis]) -> Diagnosis:
    """Return the diagnoses of all replicas as one, by the first. Each cause names its replica unless all have it."""
    if len(each) == 1:
        return each[0]
    found: list[Cause] = []
    for number, one in enumerate(each, 1):
        for cause in one.causes:
            if not all(cause in other.causes for other in each):
                found.append(replace(cause, seen=f"replica {number}: {cause.seen}"))
            elif cause not in found:
                found.append(cause)
    refused = next((f"replica {number}: {one.refused}" for number, one in enumerate(each, 1) if one.refused), "")
    return replace(each[0], causes=tuple(sorted(found, key=lambda cause: cause.rank)), refused=refused)


def fix(config: Config = None, *, progress: Progress = SILENT) -> tuple[Cause, ...]:
    """Repair what can be repaired without renting, starting, stopping or destroying anything; return what was.

    Raises NeedsAttention if the plan needs more than that by now, and the errors of `up`, also those of the check of an
    external server.
    """
    found = doctor(config, progress=progress)
    able = _repaired(found.causes)
    if not able:
        return ()
    deployment = opened(config)
    with at_work(deployment, progress) as (session, _):
        ensure_usable(session)
        each = _each(session)
        broken = [one for one in each if len(each) == 1 or _repaired(_of_one(one, deployment).causes)]
        for one in broken:
            if more := _beyond(one):
                raise NeedsAttention(more, hint="look at `ert-deploy plan`, then run `ert-deploy up`")
        for one in broken:
            run(apply(_writing(one)), one.ports)
    return able


def _repaired(causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    return tuple(cause for cause in causes if cause.repair is Repair.WRITE)


def _writing(session: Session) -> Desired:
    """Return what `fix` aims at: without an attempt nothing is rented."""
    return replace(session.desired, phase=Phase.RUNNING, attempts=0)


def _beyond(session: Session) -> str:
    """Return the first step of the plan that `fix` may not take; empty if there is none."""
    planned = planning.plan(run(observe(_writing(session), RunMemory()), session.ports))
    step = next((step for step in planned if not isinstance(step, SAFE)), None)
    if step is None:
        return ""
    what = MORE.get(type(step), "change")
    about = f" instance {number}" if (number := getattr(step, "instance_id", "")) else " a machine"
    return f"`up` would do more than write variables: {what}{about} ({step.reason})"


def _refused(causes: tuple[Cause, ...], evidence: Evidence, session: Session) -> str:
    """Return why `fix` would stop; empty if it would not, or if there is nothing for it."""
    if not _repaired(causes):
        return ""
    if session.desired.external is not None:
        stops = [problem.summary for problem in evidence.problems if problem.source is Source.APP]
        stops += [cause.seen for cause in causes if cause.code in CODES.values()]
        if stops:
            return f"`up` stops at it: {stops[0]}"
    with suppress(ErtError):
        return _beyond(session)
    return ""


def _before(name: str, source: Source, error: ErtError) -> Diagnosis:
    evidence = Evidence((Problem(source, error.summary, error.detail, error.hint),))
    return Diagnosis(name, diagnose(evidence), evidence)


def _with_server(evidence: Evidence, session: Session) -> Evidence:
    """Add what an external server has shown, and the apps that cannot use one."""
    if evidence.facts is None or session.desired.external is None:
        return evidence
    problems = evidence.problems
    with suppress(ErtError):  # an app that cannot be read is a problem already
        problems += tuple(Problem(Source.APP, found.what, hint=found.hint) for found in unable(session))
    return replace(evidence, facts=with_server(evidence.facts, tried=True), problems=problems)


def _with_store(evidence: Evidence, deployment: Deployment, now: float) -> Evidence:
    """Add why the state cannot be written, and who holds the lock, if that can be read."""
    with suppress(ErtError):
        keeper = deployment.keeper()
        if shut := keeper.unwritable():
            problem = Problem(Source.STATE, shut, hint=READ_ONLY)
            evidence = replace(evidence, problems=(*evidence.problems, problem))
        holder = keeper.holder()
        if holder is not None:
            who = f"{holder.who}, process {holder.pid}" if holder.pid else holder.who
            by_hand = not holder.pid and holder.since > 0  # else it is a lock that cannot be read
            return replace(evidence, holder=who, held=max(0.0, now - holder.since), by_hand=by_hand)
    return evidence

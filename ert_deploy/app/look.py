"""`status` and `plan`: the existing resources, and the steps that a run would execute. Read-only."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.outcome import Backend, Doubts, Service, backends, foreign, in_doubt, services
from ert_deploy.app.preview import Plan, aimed, preview
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import Denied
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import Memory


@dataclass(frozen=True, slots=True)
class Status:
    """Resources at `now`, in Unix time. `sandbox_stopped`: the sandbox is not running, so none exist.

    `undecided` are the instances without a certain owner, each with the reason; `others` are those of another owner.
    `unsettled_creates` is the number of create calls with unknown result, `to_be_destroyed` are instances that may
    still exist after a request to delete them. `denied` are the machines and hosts that are temporarily not rented, and
    `denied_machines` the ids of these machines.
    """

    deployment: str
    now: float = 0.0
    backends: tuple[Backend, ...] = ()
    services: tuple[Service, ...] = ()
    undecided: Doubts = ()
    others: tuple[InstanceId, ...] = ()
    unsettled_creates: int = 0
    to_be_destroyed: tuple[InstanceId, ...] = ()
    denied_machines: tuple[str, ...] = ()
    denied: tuple[Denied, ...] = ()
    sandbox_stopped: bool = False


def status(config: Config = None, *, progress: Progress = SILENT) -> Status:
    """Return the running instances, their price, and the apps' settings: read from the providers, not just the state.

    Raises UsageError, or CannotObserve if a provider could not be read completely; never returns a partial result.
    """
    deployment = opened(config)
    if not deployment.sandbox_runs():
        return Status(deployment.name, sandbox_stopped=True)
    session = deployment.session(progress, start_sandbox=True)
    situation = run(observe(session.desired, Memory()), session.ports)
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
        denied_machines=tuple(sorted(state.denied_machines(abs(observed.stamp())))),
        denied=tuple(d for d in state.denied if d.until > abs(observed.stamp())),
    )


def plan(
    config: Config = None,
    phase: Phase = Phase.RUNNING,
    *,
    begin: bool = True,
    now: bool = False,
    progress: Progress = SILENT,
) -> Plan:
    """Return the steps of `up`, or with another `phase` those of `sleep` or `down`. Starts the sandbox.

    Without `begin` those of `wake`; `now` as for `sleep` and `down`. A config whose image is not named yet is accepted,
    and said to be one. Raises UsageError or CannotObserve.
    """
    deployment = opened(config, going_down=phase is Phase.ABSENT, draft=True)
    session = deployment.session(progress, start_sandbox=True)
    return preview(session, aimed(session.desired, phase, begin=begin, patient=not now))

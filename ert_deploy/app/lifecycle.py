"""`up`, `wake`, `sleep` and `down`: make a deployment be in a phase, holding its lock."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.app.attention import needs_attention
from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, at_work, opened
from ert_deploy.app.outcome import Outcome, outcome_of
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import UsageError
from ert_deploy.engine.apply import apply
from ert_deploy.engine.run import run


def up(config: Config = None, *, progress: Progress = SILENT, check: bool = True) -> Outcome:
    """Rent a GPU, boot the backend, and move the apps over to it; starts the sandbox when the config has one.

    Running it again changes nothing, or goes on where an earlier run was stopped. With `check`, NeedsAttention is
    raised for what a person has to see to; without it, the outcome tells. Raises UsageError, Busy, Failed,
    NeedsAttention or CannotObserve: what is rented then stays rented.
    """
    return _checked(_converge(opened(config), Phase.RUNNING, progress), check=check)


def wake(config: Config = None, *, progress: Progress = SILENT, check: bool = True) -> Outcome:
    """Have a sleeping backend serve again, on its old GPU or a new one. Nothing is rented where nothing was.

    Raises UsageError where there is nothing to wake, and otherwise as `up`.
    """
    deployment = opened(config)
    if not deployment.sandbox_runs():
        raise UsageError(
            f"there is nothing to wake: the sandbox of {deployment.name} is not running", hint="`ert-deploy up`"
        )
    return _checked(_converge(deployment, Phase.RUNNING, progress, begin=False), check=check)


def sleep(config: Config = None, *, now: bool = False, progress: Progress = SILENT, check: bool = True) -> Outcome:
    """Stop the GPU and keep its disk. Reports that are being written are finished first, unless it has to be `now`.

    With `check`, NeedsAttention is raised for instances that a person has to decide about; without it, the outcome
    names them. Raises UsageError, Busy, Failed, NeedsAttention or CannotObserve.
    """
    return _checked(_end(opened(config), Phase.ASLEEP, progress, now=now), check=check)


def down(config: Config = None, *, now: bool = False, progress: Progress = SILENT, check: bool = True) -> Outcome:
    """Take it all away. Returning, with `check`, is the claim that nothing of the deployment exists or bills.

    The apps are told first, unless it has to be `now`. A config that later releases refuse will do, and so will a
    state that cannot be read. With `check`, NeedsAttention is raised for apps that were not told, for instances that a
    person has to decide about and for creates that may still show themselves; without it, the outcome names them.
    Raises UsageError, Busy, Failed, NeedsAttention or CannotObserve.
    """
    return _checked(_end(opened(config, going_down=True), Phase.ABSENT, progress, now=now), check=check)


def _end(deployment: Deployment, phase: Phase, progress: Progress, *, now: bool) -> Outcome:
    if not deployment.sandbox_runs():
        return Outcome(deployment.name, phase, changed=False)
    return _converge(deployment, phase, progress, patient=not now)


def _converge(
    deployment: Deployment, phase: Phase, progress: Progress, *, begin: bool = True, patient: bool = True
) -> Outcome:
    """Without `begin` it has to exist already.

    Without `patient` nobody waits for reports that are being written, and what bills is destroyed before the apps are
    told.
    """
    with at_work(deployment, progress, going_down=phase is Phase.ABSENT) as (session, audience):
        desired = replace(session.desired, phase=phase, begin=begin)
        if not patient:
            desired = replace(desired, apps_first=False, timings=replace(desired.timings, finish=0.0))
        result = run(apply(desired), session.ports)
        return outcome_of(result, changed=audience.steps > 0, now=session.ports.clock.now())


def _checked(outcome: Outcome, *, check: bool) -> Outcome:
    if check and (left := needs_attention(outcome)):
        raise left
    return outcome

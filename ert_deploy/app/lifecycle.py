"""`up`, `wake`, `sleep` and `down`: bring a deployment into a `Phase` while holding the lock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ert_deploy.app.attention import needs_attention
from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, at_work, opened
from ert_deploy.app.external.check import ensure_usable
from ert_deploy.app.external.rented_only import note_unlisted, rented_only
from ert_deploy.app.money.grant import allowance, renew
from ert_deploy.app.notify.announce import announce
from ert_deploy.app.notify.heard import Heard
from ert_deploy.app.outcome import Outcome, joined, outcome_of
from ert_deploy.app.plan_file import read_plan, refuse_other
from ert_deploy.app.preview import aimed, previews
from ert_deploy.app.replicas.sessions import of_replica
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import ErtError, UsageError
from ert_deploy.core.notices.of_run import of_failure, of_run
from ert_deploy.engine.fleet.apply import apply_fleet
from ert_deploy.engine.fleet.refused_keys import with_accepted_keys
from ert_deploy.engine.records.history import write_end
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory

ALL: frozenset[int] = frozenset()  # of the replicas: none is left out


def up(
    config: Config = None,
    *,
    wait_for_offer: float = 0.0,
    plan: Path | None = None,
    progress: Progress = SILENT,
    check: bool = True,
) -> Outcome:
    """Rent a GPU, boot the backend, and move the apps over to it; starts the sandbox if the config has one.

    With an external server, that is checked first, the apps are moved to it, and every instance is destroyed.
    A repeated call changes nothing, or completes an interrupted run. If no offer matches, the search is repeated for
    `wait_for_offer` seconds. `plan` is the file of a plan: if it no longer holds, Failed is raised. With `check`,
    NeedsAttention is raised if an action of the user is required; without it, the outcome has the reason. Raises
    UsageError, `Busy`, Failed, NeedsAttention or CannotObserve: rented instances remain in this case.
    """
    return _checked(_converge(opened(config), Phase.RUNNING, progress, wait=wait_for_offer, plan=plan), check=check)


def wake(
    config: Config = None,
    *,
    plan: Path | None = None,
    progress: Progress = SILENT,
    check: bool = True,
    only: frozenset[int] = ALL,
) -> Outcome:
    """Start a sleeping backend again, on the old GPU or a new one. No first instance is rented.

    `only` are the numbers of the replicas to act on, by default all.
    Raises UsageError if the deployment does not exist, and otherwise as `up`.
    """
    deployment = opened(config)
    rented_only(deployment, "wake")
    if not deployment.sandbox_runs():
        raise UsageError(
            f"there is nothing to wake: the sandbox of {deployment.name} is not running", hint="`ert-deploy up`"
        )
    return _checked(_converge(deployment, Phase.RUNNING, progress, begin=False, plan=plan, only=only), check=check)


def sleep(
    config: Config = None,
    *,
    now: bool = False,
    plan: Path | None = None,
    progress: Progress = SILENT,
    check: bool = True,
    only: frozenset[int] = ALL,
) -> Outcome:
    """Stop the GPU and keep its disk. Active reports are finished first, except with `now`; `only` as for `wake`.

    With `check`, NeedsAttention is raised for instances without a certain owner; without it, the outcome names them.
    Raises UsageError, `Busy`, Failed, NeedsAttention or CannotObserve.
    """
    deployment = opened(config)
    rented_only(deployment, "sleep")
    return _checked(_end(deployment, Phase.ASLEEP, progress, now=now, plan=plan, only=only), check=check)


def down(
    config: Config = None,
    *,
    now: bool = False,
    plan: Path | None = None,
    progress: Progress = SILENT,
    check: bool = True,
) -> Outcome:
    """Remove the deployment. With `check`, a return guarantees that none of its instances exists or costs money.

    The apps are updated first, except with `now`. An old config that other commands reject is accepted, and so is an
    unavailable state. With `check`, NeedsAttention is raised for apps that were not updated, for instances that the
    user has to assign and for creates whose instance may still appear; without it, the outcome contains them. Raises
    UsageError, `Busy`, Failed, NeedsAttention or CannotObserve.
    """
    return _checked(_end(opened(config, going_down=True), Phase.ABSENT, progress, now=now, plan=plan), check=check)


def _end(
    deployment: Deployment,
    phase: Phase,
    progress: Progress,
    *,
    now: bool,
    plan: Path | None,
    only: frozenset[int] = ALL,
) -> Outcome:
    if not deployment.sandbox_runs():
        return Outcome(deployment.name, phase, changed=False)
    return _converge(deployment, phase, progress, patient=not now, plan=plan, only=only)


def _converge(
    deployment: Deployment,
    phase: Phase,
    progress: Progress,
    *,
    begin: bool = True,
    patient: bool = True,
    wait: float = 0.0,
    plan: Path | None = None,
    only: frozenset[int] = ALL,
) -> Outcome:
    """Run the engine, and send the notices of the run once the lock is free. Without `begin` it has to exist already.

    With a `plan` file nothing is done if it no longer holds. Without `patient` the run does not wait for active
    reports, and destroys instances before it updates the apps.
    """
    heard = Heard(progress)
    try:
        outcome = _run(deployment, phase, heard, begin=begin, patient=patient, wait=wait, plan=plan, only=only)
    except ErtError as error:
        announce(deployment, of_failure(error, heard.events)).wait(progress)
        raise
    announce(deployment, of_run(phase, heard.events, outcome.undecided)).wait(progress)
    return outcome


def _run(
    deployment: Deployment,
    phase: Phase,
    progress: Progress,
    *,
    begin: bool,
    patient: bool,
    wait: float,
    plan: Path | None,
    only: frozenset[int],
) -> Outcome:
    saved = read_plan(plan) if plan is not None else None
    with at_work(deployment, progress, going_down=phase is Phase.ABSENT) as (session, audience):
        if unlisted := note_unlisted(session):
            progress.note(unlisted)
        desired = aimed(session.desired, phase, begin=begin, patient=patient, wait=wait)
        if saved is not None:
            refuse_other(saved, previews(session, desired))
        if phase is Phase.RUNNING:
            spendable, warned = allowance(session)
            desired = replace(desired, allowance=spendable)
            for warning in warned:
                progress.note(warning)
        memory, first = RunMemory(), min(only, default=1)
        its = of_replica(session, first).ports  # the error is kept with the replica that the run is of
        if phase is Phase.RUNNING:
            ensure_usable(session)
        try:
            results = run(apply_fleet(desired, memories := {first: memory}, only), session.ports)
            results = run(with_accepted_keys(desired, results, memories), session.ports)
        except ErtError as error:
            run(write_end(error.summary, desired, memory), its)
            raise
        run(write_end("", desired, memory), its)
        for number, result in results.items() if phase is Phase.RUNNING else ():
            renew(of_replica(session, number), result.situation, progress)
        changed, clock = audience.steps > 0, session.ports.clock
        return joined([outcome_of(result, changed=changed, clock=clock) for _, result in sorted(results.items())])


def _checked(outcome: Outcome, *, check: bool) -> Outcome:
    if check and (left := needs_attention(outcome)):
        raise left
    return outcome

"""Waking: the progress of a deployment to a ready backend, and what it needs without a request. Pure.

What it needs is never more than `wake` does, and nothing where a person requested sleep or has to decide first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ert_deploy.core.launching.progress import stage_of
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.log.happened import FAILED, NOT_ENDED
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Health
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.changes.fitness import unfit
from ert_deploy.core.planning.health import Candidate, Stage
from ert_deploy.core.planning.plan import next_step
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.planning.unpublished.known import to_verify
from ert_deploy.core.verdict.contract import failed_by_budget, last_failure
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.stopped import ran_last

UNVERIFIED = "it is healthy, and its certificate has to be stored before agents name it to apps"
OVERDUE = 300.0  # seconds beyond its idle limit after which a machine is taken to have no off-switch of its own


class Phase(StrEnum):
    """Progress of a wake. Gone: no machine exists. Failed: the last run that was to wake it had an error."""

    READY = "ready"
    WAKING = "waking"
    ASLEEP = "asleep"
    GONE = "gone"
    FAILED = "failed"
    UNKNOWN = "unknown"


STAGES = {
    LaunchStage.RENT: "rent",
    LaunchStage.PULL: "pull",
    LaunchStage.BOOT: "boot",
    LaunchStage.DOWNLOAD: "model_download",
    LaunchStage.LOAD: "load",
    LaunchStage.READY: "smoke_test",
}


@dataclass(frozen=True, slots=True)
class Waking:
    """The phase with its `reason`. `stage` and `progress` (0 to 1) are those of a boot.

    `paid`: a GPU is billed, or a create call may have one billed, so that to continue starts no further one.
    """

    phase: Phase
    reason: str = ""
    stage: LaunchStage | None = None
    progress: float | None = None
    paid: bool = False


class Action(StrEnum):
    """What a deployment needs: nothing, a run of `wake`, or a run of `sleep`."""

    NOTHING = "nothing"
    WAKE = "wake"
    SLEEP = "sleep"


@dataclass(frozen=True, slots=True)
class Need:
    """An action that needs no request, and why."""

    action: Action
    reason: str = ""


CONTENT = Need(Action.NOTHING)


def waking(facts: Facts) -> Waking:
    """Return its phase."""
    situation, found = facts.situation, facts.main
    if isinstance(situation, Missing):
        return Waking(Phase.UNKNOWN, situation.reason)
    calls = any(not intent.gone for intent in situation.observed.state.intents)
    failure = last_failure(situation)
    if found is None:
        if calls and not failure:
            return Waking(Phase.WAKING, "a machine is being rented", LaunchStage.RENT, paid=True)
        return Waking(Phase.FAILED if failure else Phase.GONE, failure or "no machine exists", paid=calls)
    if found.instance.halted:
        why = facts.asleep.get(found.instance.id)
        reason = f"it is stopped: {why}" if isinstance(why, Asleep) else "it is stopped"
        failed = failure and not failed_by_budget(situation)
        return Waking(Phase.FAILED if failed else Phase.ASLEEP, failure or reason, paid=calls)
    return _running(situation, found)


def _running(situation: Situation, found: Candidate) -> Waking:
    verdict = situation.classified.verdicts[found.instance.id]
    stage = stage_of(found.instance, found.health)
    match verdict.stage:
        case Stage.READY if to_verify(situation, found):
            return Waking(Phase.WAKING, UNVERIFIED, stage, paid=True)
        case Stage.READY:
            return Waking(Phase.READY, paid=True)
        case Stage.BOOTING | Stage.STUCK | Stage.LOST:
            return Waking(Phase.WAKING, verdict.reason, stage, share(found.health), paid=True)
        case _:
            return Waking(Phase.FAILED, verdict.reason, paid=True)


def share(health: Health | None) -> float | None:
    """Return how much of the model is downloaded, 0 to 1; None if that is not reported."""
    if health is None or not health.total:
        return None
    return min(1.0, health.completed / health.total)


def need(facts: Facts, lately: Collection[InstanceId] = ()) -> Need:
    """Return what it needs. `lately` are the instances that ran at the last look of the caller."""
    situation, found = facts.situation, facts.main
    if isinstance(situation, Missing) or situation.ownership.foreign or situation.undecided:
        return CONTENT
    if found is not None and (late := _overdue(facts, found)):
        return Need(Action.SLEEP, late)
    if not may_act(facts):
        return CONTENT
    if found is None:
        return _lost(situation, lately)
    if found.instance.halted:
        return _interrupted(facts, situation, found)
    step = None if unfit(situation.desired, found) else next_step(situation)
    return CONTENT if step is None else Need(Action.WAKE, step.reason)


def may_act(facts: Facts, *, despite_budget: bool = False) -> bool:
    """Whether something may be started without a person: not where one has to decide, or where a run has failed.

    With `despite_budget` it may where that run has failed for the budget alone.
    """
    situation = facts.situation
    if isinstance(situation, Missing) or situation.ownership.foreign or situation.undecided:
        return False
    history = situation.observed.state.history
    failed = bool(history) and history[-1].what in (FAILED, NOT_ENDED)
    failed = failed and not (despite_budget and failed_by_budget(situation))
    return not facts.unread and not facts.absent and not failed and _in_use(situation)


def _in_use(situation: Situation) -> bool:
    """Whether an app is to use a backend: after `down` has disconnected them, nothing is brought back."""
    if not situation.desired.publishes:
        return any(record.published for record in situation.observed.state.records)
    return any(publication.env.get(target.names.url) for target, publication in situation.targets)


def _lost(situation: Situation, lately: Collection[InstanceId]) -> Need:
    """Return the need for another machine in place of one that ran; one that slept is replaced on request."""
    gone = [record.id for record in situation.observed.state.records if record.id in lately]
    return Need(Action.WAKE, f"instance {gone[0]} is not listed any more") if gone else CONTENT


def _interrupted(facts: Facts, situation: Situation, found: Candidate) -> Need:
    """Return the need to continue: a higher bid took it, or a wake broke off before it had another machine."""
    number, state = found.instance.id, situation.observed.state
    why, last = facts.asleep.get(number), state.history[-1].what if state.history else ""
    if why is Asleep.OUTBID and ran_last(found.instance, state):
        return Need(Action.WAKE, f"instance {number} was outbid")
    if last == "stranded" or any(not intent.gone for intent in state.intents):
        return Need(Action.WAKE, "a wake was interrupted")
    return CONTENT


def _overdue(facts: Facts, found: Candidate) -> str:
    """Return why its own off-switch has failed, by its own report; empty if it has not, or if that is not known."""
    figures = facts.figures.get(found.instance.id)
    if not isinstance(figures, Figures) or not figures.idle_stop or figures.idle is None:
        return ""
    if figures.active or figures.waiting or figures.draining or figures.idle <= figures.idle_stop + OVERDUE:
        return ""
    limit = f"has to stop after {figures.idle_stop:.0f} s"
    return f"instance {found.instance.id} is idle for {figures.idle:.0f} s, and {limit}"

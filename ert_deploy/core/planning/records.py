"""The part of the plan that is the same whatever is wanted: write down what is found, forget what is proven gone.

What is already paid is written down first; what was given up is destroyed, seen gone, and only then forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.situation import Situation


def put_right(situation: Situation) -> Iterator[Step]:
    """Everything that has to be in order before anything else is decided."""
    yield from written_down(situation)
    yield from graves(situation)
    yield from expired(situation)


def written_down(situation: Situation) -> Iterator[Step]:
    """Instances that carry our marks and no record: found again after a crash, or after the state was lost."""
    intended = {i.token for i in situation.observed.state.intents}
    for candidate in situation.candidates:
        mark = candidate.instance.mark
        if candidate.record is None and mark is not None:
            known = mark.token in intended
            reason = "our create call made it" if known else "it carries our marks and was not in the state"
            yield steps.Record(candidate.instance.id, mark.token, reason)
    yield from vanished(situation.observed)


def vanished(observed: Observed) -> Iterator[Step]:
    """Records of instances that are not listed any more; one that lost its marks is for a person to decide."""
    listed = {i.id for i in observed.instances}
    for record in observed.state.records:
        if record.id not in listed:
            yield steps.DropRecord(record.id, "it is not in a complete listing")


def graves(situation: Situation) -> Iterator[Step]:
    """The least tried first, so that one that will not go does not keep the others alive.

    One that lost its marks is not touched: a person decides. One that was tried a short while ago is left to
    `lingering`: it takes a slot, and holds up nothing else.
    """
    for step in _last_steps(situation):
        if situation.observed.due.get(step, 0.0) <= situation.observed.now:
            yield step
            if isinstance(step, steps.Destroy):
                yield steps.Bury(step.instance_id, "seen gone")


def lingering(situation: Situation) -> Iterator[Step]:
    """What is to go and was not seen gone when it was last tried; there is nothing else left to do."""
    due, now = situation.observed.due, situation.observed.now
    waiting = [step for step in _last_steps(situation) if due.get(step, 0.0) > now]
    for step in sorted(waiting, key=lambda s: due[s]):
        yield steps.AwaitGone(step.instance_id, due[step], "it is not seen gone yet")


def _last_steps(situation: Situation) -> Iterator[steps.Destroy | steps.Bury]:
    """What is next for everything that is to go: destroy it while it is listed, else see it gone by id, too."""
    observed = situation.observed
    listed, mine = {i.id for i in observed.instances}, {i.id for i in situation.ours}
    for tombstone in sorted(observed.state.tombstones, key=lambda t: observed.tries.get(t.id, 0)):
        if tombstone.id in listed and tombstone.id not in mine:
            continue
        if tombstone.id in listed:
            yield steps.Destroy(tombstone.id, tombstone.reason)
        else:
            yield steps.Bury(tombstone.id, "seen gone")


def expired(situation: Situation) -> Iterator[Step]:
    """Creates that have left no trace within the settle time; a label alone is one, for a person to decide about."""
    observed = situation.observed
    seen = {i.mark.token for i in situation.ours if i.mark is not None} | _labels(observed)
    for intent in observed.state.intents:
        age = observed.age(intent.token, intent.at, MARGIN)
        if intent.token not in seen and age >= situation.desired.timings.settle:
            yield steps.DropIntent(intent.token, f"no trace of it after {age:.0f} s")


def taken(situation: Situation) -> Iterator[Step]:
    """Creates whose offer went to somebody else: watched while more is rented, and nothing that `down` waits for."""
    seen = {i.mark.token for i in situation.ours if i.mark is not None} | _labels(situation.observed)
    for intent in situation.observed.state.intents:
        if intent.gone and intent.token not in seen:
            yield steps.DropIntent(intent.token, "its offer was taken")


def unsettled(situation: Situation) -> Iterator[Step]:
    """Creates that may still show themselves. One whose offer was said to be taken is not waited for."""
    observed, settle = situation.observed, situation.desired.timings.settle
    seen = {i.mark.token for i in observed.instances if i.mark is not None} | _labels(observed)
    for intent in observed.state.intents:
        left = settle - observed.age(intent.token, intent.at, MARGIN)
        if left > 0 and not intent.gone and intent.token not in seen:
            yield steps.Settle(intent.token, observed.now + left, "a create call with unknown outcome")


def unknown(situation: Situation) -> Iterator[Step]:
    """A create of which nothing was found written down: there was no state, or it could not be read."""
    left = unknown_for(situation)
    if left > 0:
        until = situation.observed.now + left
        yield steps.Settle("", until, "the state was blank or unreadable; a create may be under way")


def unknown_for(situation: Situation) -> float:
    """Seconds for which a create may still show itself that no state of ours knows; 0 when that is over."""
    observed, settle = situation.observed, situation.desired.timings.settle
    begun = observed.state.begun
    return max(0.0, settle - observed.age("", begun, MARGIN)) if begun else 0.0


def _labels(observed: Observed) -> set[str]:
    return {i.label_token for i in observed.instances if i.label_token}


def retire(instance: Instance, reason: str, *, deny: bool = False, end: str = "") -> Step:
    """The first step of getting rid of an instance."""
    token = instance.mark.token if instance.mark is not None else ""
    return steps.Retire(instance.id, token, instance.machine_id, reason, deny, end)

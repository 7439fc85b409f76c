"""The part of the plan that is the same whatever is wanted: write down what is found, forget what is proven gone.

What is already paid is written down first; what was given up is destroyed, seen gone, and only then forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.candidates import candidates
from ert_deploy.core.planning.ownership import ours


def put_right(desired: Desired, observed: Observed) -> Iterator[Step]:
    """Everything that has to be in order before anything else is decided."""
    yield from written_down(desired, observed)
    yield from graves(desired, observed)
    yield from expired(desired, observed)


def written_down(desired: Desired, observed: Observed) -> Iterator[Step]:
    """Instances that carry our marks and no record: found again after a crash, or after the state was lost."""
    intended = {i.token for i in observed.state.intents}
    for candidate in candidates(desired, observed):
        mark = candidate.instance.mark
        if candidate.record is None and mark is not None:
            known = mark.token in intended
            reason = "our create call made it" if known else "it carries our marks and was not in the state"
            yield steps.Record(candidate.instance.id, mark.token, reason)
    yield from vanished(observed)


def vanished(observed: Observed) -> Iterator[Step]:
    """Records of instances that are not listed any more; one that lost its marks is for a person to decide."""
    listed = {i.id for i in observed.instances}
    for record in observed.state.records:
        if record.id not in listed:
            yield steps.DropRecord(record.id, "it is not in a complete listing")


def graves(desired: Desired, observed: Observed) -> Iterator[Step]:
    """The least tried first, so that one that will not go does not keep the others alive.

    One that lost its marks is not touched: a person decides.
    """
    listed, mine = {i.id for i in observed.instances}, {i.id for i in ours(desired, observed)}
    for tombstone in sorted(observed.state.tombstones, key=lambda t: observed.tries.get(t.id, 0)):
        if tombstone.id in listed and tombstone.id not in mine:
            continue
        if tombstone.id in listed:
            yield steps.Destroy(tombstone.id, tombstone.reason)
        yield steps.Bury(tombstone.id, "seen gone")


def expired(desired: Desired, observed: Observed) -> Iterator[Step]:
    """Creates that have left no trace within the settle time; a label alone is one, for a person to decide about."""
    seen = {i.mark.token for i in ours(desired, observed) if i.mark is not None} | _labels(observed)
    for intent in observed.state.intents:
        age = observed.now - intent.at
        if intent.token not in seen and age >= desired.timings.settle:
            yield steps.DropIntent(intent.token, f"no trace of it after {age:.0f} s")


def unsettled(observed: Observed, settle: float, *, also_gone: bool) -> Iterator[Step]:
    """Creates that may still show themselves; `also_gone` includes those whose offer was said to be taken."""
    seen = {i.mark.token for i in observed.instances if i.mark is not None} | _labels(observed)
    for intent in observed.state.intents:
        waiting = observed.now - intent.at < settle and intent.token not in seen
        if waiting and (also_gone or not intent.gone):
            yield steps.Settle(intent.token, intent.at + settle, "a create call whose outcome is not known")


def _labels(observed: Observed) -> set[str]:
    return {i.label_token for i in observed.instances if i.label_token}


def retire(instance: Instance, reason: str, *, deny: bool = False, end: str = "") -> Step:
    """The first step of getting rid of an instance."""
    token = instance.mark.token if instance.mark is not None else ""
    return steps.Retire(instance.id, token, instance.machine_id, reason, deny, end)

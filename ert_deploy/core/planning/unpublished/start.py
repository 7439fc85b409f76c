"""Start without the web host: the app finds the backend by itself, and an instance with another key is of no use to it.

Nothing is retired, as it is not known what the apps use. Nothing is pinned, as that takes the key of an app.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.health import ASLEEP, READY, STUCK
from ert_deploy.core.planning.records import turn, unsettled
from ert_deploy.core.planning.situation import Situation


def start(situation: Situation) -> Iterator[Step]:
    """Yield the steps until the stopped instance serves. The engine does not execute the last one, to rent."""
    now = situation.classified
    for candidate in now.others:
        if now.verdicts[candidate.instance.id].stage is STUCK:
            yield steps.Strand(candidate.instance.id, now.verdicts[candidate.instance.id].reason)
    current = now.current
    if current is None:
        if situation.awaits_turn:
            yield from turn(situation)
        yield steps.Rent("no instance that the apps may know can serve")
    elif (verdict := now.verdicts[current.instance.id]).stage is READY:
        yield from unsettled(situation)
    else:
        if verdict.stage is ASLEEP:
            yield steps.Wake(current.instance.id, verdict.reason)
        yield steps.AwaitBoot(current.instance.id, verdict.reason)

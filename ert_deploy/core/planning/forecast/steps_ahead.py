"""Steps ahead: `forecast(situation)` returns every step of a run in which nothing goes wrong.

It is the plan, applied: the first step is taken for done, and the plan is made again, as the engine does after each
observation. What only the run can know is replaced by values that are shown as "known after boot".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.forecast.assumed import assumed
from ert_deploy.core.planning.forecast.unknown import NEW
from ert_deploy.core.planning.plan import next_step, plan
from ert_deploy.core.planning.situation import Situation

UNKNOWN_UNTIL_DONE = (steps.Rent, steps.AddKey, steps.Wake)  # after these a fingerprint is that of an assumption


def forecast(situation: Situation) -> tuple[Step, ...]:
    """Return all steps to the desired state; empty if it is reached. The first is the one `next_step` returns."""
    known = situation.desired.phase is not Phase.RUNNING
    return tuple(_named([step for step, _ in ahead(situation)], known=known))


def before_rent(situation: Situation) -> Situation | None:
    """Return the situation in which a machine is rented; None if none is."""
    return next((seen for step, seen in ahead(situation) if isinstance(step, steps.Rent)), None)


def ahead(situation: Situation) -> Iterator[tuple[Step, Situation]]:
    """Yield each step with the situation in which it is taken."""
    seen = set[Step]()
    while (step := next_step(situation)) is not None:
        if step in seen:  # it waits for something that cannot be assumed: the rest is that of the plan as it stands
            yield from ((other, situation) for other in plan(situation) if other not in seen)
            return
        seen.add(step)
        yield step, situation
        situation = assumed(situation, step)


def _named(found: list[Step], *, known: bool) -> list[Step]:
    """Return the steps without the fingerprints of values that are only assumed."""
    named: list[Step] = []
    unknown = False
    for step in found:
        unknown = unknown or (isinstance(step, UNKNOWN_UNTIL_DONE) and not known)
        named.append(_without_assumptions(step) if unknown else step)
    return named


def _without_assumptions(step: Step) -> Step:
    match step:
        case steps.Prove():
            return replace(step, fingerprint="")
        case steps.Deploy():
            return replace(step, reason="to take up the new environment")
        case steps.AwaitBoot(instance_id) if instance_id == NEW:
            return replace(step, reason="the one that will be rented")
        case _:
            return step

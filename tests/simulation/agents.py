"""Agent in the simulator: looks, acts on what it saw one look ago, and runs `wake`, without a lock."""

from __future__ import annotations

import math

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Credit, Facts, main
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.waking import Action, Phase, need, waking
from ert_deploy.engine.apply import apply
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.observe import observe
from ert_deploy.engine.preflight import begun
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import Clock
from tests.simulation.following import Agents, view_of

LOOKS, EVERY = 6, 30.0


def looking(desired: Desired, *, asks: bool) -> Effects[None]:
    """Look LOOKS times, and wake the deployment where an app `asks` for it, or where it needs that.

    A look that fails does not end it. A run that fails does: the pause after it is longer than a history.
    """
    before: Facts | None = None
    lately: frozenset[InstanceId] = frozenset()
    for _ in range(LOOKS):
        told = None
        try:
            situation = yield from observe(desired, RunMemory())
        except ErtError:
            before = None
        else:
            now = _facts(desired, situation)
            stale, before = before or now, now
            told = view_of(now)
            if told is not None:
                yield from ask(Agents.tell, told)
            if _due(stale, lately, asks=asks):
                yield from ask(Agents.begin)
                yield from apply(desired, RunMemory())
                before = None
            lately = frozenset(i.id for i in situation.ours if not i.halted)
        yield from ask(Clock.sleep, EVERY)
        if told is not None:
            yield from ask(Agents.tell, told)  # an app reads it at any time until the next look


def _due(facts: Facts, lately: frozenset[InstanceId], *, asks: bool) -> bool:
    situation = facts.situation
    if need(facts, lately).action is Action.WAKE:
        return True
    return asks and waking(facts).phase is not Phase.READY and not isinstance(situation, Missing) and begun(situation)


def _facts(desired: Desired, situation: Situation) -> Facts:
    """Return the facts; logs are not read, so that why a machine is stopped is what the provider and the state tell."""
    made = Facts(desired, Credit(math.inf), situation, situation.observed.publications or ())
    found = main(situation)
    if found is None or not found.instance.halted:
        return made
    why = Asleep.OUTBID if found.instance.outbid else Asleep.ASKED
    return Facts(desired, made.credit, situation, made.publications, asleep={found.instance.id: why})

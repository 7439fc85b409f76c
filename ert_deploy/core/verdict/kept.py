"""Kept up: which machine an agent starts, so that as many are up as the config wants (`replicas/min`). Pure.

Where a person requested sleep for all of them, nothing is started until something else has woken one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.waking import CONTENT, Action, Need, Phase, may_act

BY_ITS_GUARD = (Asleep.IDLE, Asleep.LIMIT, Asleep.BUDGET)
AWAKE = (Phase.READY, Phase.WAKING)


def sleeper(facts: Facts) -> Asleep | None:
    """Return why a machine is stopped that may be started without a person; None for any other.

    Where that is not known, a person may have stopped it.
    """
    found = facts.main
    if found is None or not found.instance.halted or not may_act(facts, despite_budget=True):
        return None
    why = facts.asleep.get(found.instance.id)
    return None if why is Asleep.CREDIT else why if isinstance(why, Asleep) else Asleep.ASKED


def to_keep(least: int, each: Sequence[tuple[Phase, Asleep | None]]) -> tuple[Need, int]:
    """Return the need to start one more, and its number from 1 on; no need, and 0, if as many are up.

    `each` has phase and `sleeper` of every replica. One whose phase is not known may be up.
    """
    phases = [phase for phase, _ in each]
    awake = sum(phase in AWAKE for phase in phases)
    if awake + phases.count(Phase.UNKNOWN) >= least:
        return CONTENT, 0
    for number, (phase, why) in enumerate(each, 1):
        if phase is Phase.ASLEEP and why is not None and (awake or why in BY_ITS_GUARD):
            return Need(Action.WAKE, f"{awake} of {least} machines are up (replicas/min)"), number
    return CONTENT, 0

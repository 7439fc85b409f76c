"""Why a machine is stopped, from the account, the market and the last lines of its guard.

A stop that the guard ordered is in its log; one that came from outside is not: a person's, or the provider's own for
want of credit or for a higher bid.
"""

from __future__ import annotations

import re

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.facts import Asleep, Credit
from ert_deploy.core.verdict.links import Missing

STARTS_AND_STOPS = ("ready", "started", "stopped")  # events of the history
TAIL = 400  # lines of the log: enough for those of a guard before the last ones of the app
_ARMED = "guard: off-switch active"
_ORDER = re.compile(
    r"^guard: (?P<rule>[^:]{1,80}): asked to stop this instance(?:.*; (?P<ran>[0-9]{1,9}) s after its start$)?"
)
_RULES = {"idle for ": Asleep.IDLE, "budget of ": Asleep.BUDGET}  # how the guard begins to name them


def why_stopped(
    instance: Instance, credit: Credit | Missing, log: str | Missing, state: State | None = None
) -> Asleep | Missing:
    """Return the reason, or why it is not known. `log` is the end of the container's log, `state` what runs wrote."""
    ordered = log if isinstance(log, Missing) else _ordered(log)
    if isinstance(ordered, Asleep):
        return ordered
    if isinstance(credit, Credit) and credit.amount <= 0:
        return Asleep.CREDIT
    if instance.outbid:
        return Asleep.OUTBID
    if state is not None and any(one.id == instance.id and one.stranded for one in state.records):
        return Asleep.TAKEN
    if ordered is None and state is not None and ran_last(instance, state):
        return Asleep.OUTSIDE
    return Asleep.ASKED if ordered is None else ordered


def ran_last(instance: Instance, state: State) -> bool:
    """Whether runs have started it, or proved it, since the last time that one of them stopped it."""
    events = [one.what for one in state.history if one.instance == instance.id and one.what in STARTS_AND_STOPS]
    return bool(events) and events[-1] != "stopped"


def _ordered(text: str) -> Asleep | Missing | None:
    """Return what the guard ordered since it was last armed; None for nothing."""
    armed, orders = _orders(text)
    if orders:
        rule = orders[-1]["rule"]
        return next((why for words, why in _RULES.items() if rule.startswith(words)), Asleep.LIMIT)
    return None if armed is not None else Missing("its log does not reach back to its last start")


def ran(log: str) -> float | None:
    """Return the seconds that it had run since its last start when its guard stopped it; None if it did not say."""
    told = [float(found["ran"]) for found in _orders(log)[1] if found["ran"]]
    return told[-1] if told else None


def _orders(text: str) -> tuple[int | None, list[re.Match[str]]]:
    """Return the line in which the guard was last armed, None if that is not in the log, and its orders since then."""
    lines = text.splitlines()
    armed = max((n for n, line in enumerate(lines) if line.startswith(_ARMED)), default=None)
    return armed, [found for line in lines[armed or 0 :] if (found := _ORDER.match(line))]

"""Announcements: what an owner should know about a deployment before it becomes an error. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model.text import per_hour
from ert_deploy.core.planning.changes.fitness import repriced
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.contract import account
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.links import Level, Missing

HOUR = 3600.0
ENDING = 48.0  # hours before the end of a contract from which it is announced


def announcements(facts: Facts) -> tuple[str, ...]:
    """Return one line for each; the same text as long as nothing has changed."""
    situation = facts.situation
    if isinstance(situation, Missing):
        return ()
    return (*_account(facts), *_contract(facts, situation), *_undecided(situation))


def _account(facts: Facts) -> Iterator[str]:
    link = account(facts)
    if link.level is Level.BAD:
        yield f"the credit of the account is almost used up: {link.why}"


def _contract(facts: Facts, situation: Situation) -> Iterator[str]:
    instance = facts.instance
    if instance is None:
        return
    now = abs(situation.observed.stamp())
    if instance.ends and instance.ends - now < ENDING * HOUR:
        hours = max(0.0, instance.ends - now) // HOUR
        yield f"the contract of instance {instance.id} ends within {hours + 1:.0f} h, and its machine with it"
    if (moved := repriced(instance)).startswith("rose"):
        yield f"instance {instance.id} costs {per_hour(instance.dph)}: its price {moved}"


def _undecided(situation: Situation) -> Iterator[str]:
    for doubt in situation.undecided:
        number = doubt.instance.id
        yield f"instance {number} may bill, {doubt.why}: `ert-deploy adopt|ignore|destroy {number}` decides"

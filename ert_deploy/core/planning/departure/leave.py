"""Removal of machines that may still have requests: let these finish, then retire, destroy and confirm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.observed import HEALTHY
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.records import retire
from ert_deploy.core.planning.rollout import drained
from ert_deploy.core.planning.situation import Situation


def leave(situation: Situation, found: Iterable[Candidate], reason: str) -> Iterator[Step]:
    """Yield the steps that remove these instances, each after its requests have finished."""
    until = drained(situation)
    for candidate in found:
        if asked(candidate) and (until is None or until > situation.observed.now):
            yield steps.Drain(candidate.instance.id, until, "requests under way may finish")
        yield retire(candidate.instance, reason)
        yield steps.Destroy(candidate.instance.id, reason)
        yield steps.ConfirmDeleted(candidate.instance.id, "seen gone")


def asked(candidate: Candidate) -> bool:
    """Whether requests to it may be active."""
    healthy = candidate.health is not None and candidate.health.vital is HEALTHY
    return (candidate.published or healthy) and not candidate.instance.stopped

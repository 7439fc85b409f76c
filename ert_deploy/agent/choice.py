"""Choice: which replicas a request has started. One at a time, so that a report alone does not wake all of them."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.app.waking.admission import Refusal, refusal
from ert_deploy.app.waking.look import Look
from ert_deploy.core.verdict.starts import Policy
from ert_deploy.core.verdict.waking import Phase

ALL: frozenset[int] = frozenset()


def chosen(seen: Look, machines: int) -> frozenset[int] | None:
    """Return the replicas to start, or ALL of a single machine; None if there is nothing to start.

    `machines` are to be ready.
    """
    if seen.waking.phase is not Phase.READY:
        return frozenset(seen.asleep[:1])
    return frozenset(seen.asleep[:1]) if seen.up < machines and seen.asleep else None


def refused_by(seen: Look, policy: Policy) -> Refusal | None:
    """Return why none of them may be started now; one that runs already is no reason to begin another that sleeps."""
    paid = seen.waking.paid and not (seen.asleep and seen.waking.phase is Phase.READY)
    return refusal(replace(seen, waking=replace(seen.waking, paid=paid)), policy)

"""Results that require an action of the user: apps not updated, instances without a certain owner.

Reports them, but must not handle them.
"""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.app.outcome import Doubts, Outcome
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.engine.decide import left_alone, unchanged
from ert_deploy.engine.fleet.failures import together

UNTOLD = "the app still points at the old backend"
RETRY = "run `ert-deploy down` again when the web host is reachable"


def needs_attention(outcome: Outcome) -> NeedsAttention | None:
    """Return the error with which the command ends if a run requires an action of the user; None otherwise."""
    if outcome.phase is Phase.ABSENT:
        return untold(outcome)
    return together([one for one in (outcome.left, doubtful(outcome)) if one is not None])


def _removed_in_part(outcome: Outcome) -> NeedsAttention | None:
    """Return the error after a run that keeps the deployment and has not finished to remove further replicas."""
    lines = [f"{target}: {why}" for target, why in outcome.unremoved]
    if outcome.unknown_until:
        lines.append(f"an instance of one may still appear until {_moment(outcome)}")
    if not lines:
        return None
    summary = f"not everything of the removed replicas of {outcome.deployment} is gone"
    return NeedsAttention(summary, "\n".join(lines), "run the same command again later")


def untold(outcome: Outcome) -> NeedsAttention | None:
    """Return the error after a partial `down`: apps not updated, instances to decide about, pending creates."""
    if outcome.unknown_until:
        return _may_appear(outcome)
    if not outcome.abandoned:
        return undecided(outcome.undecided)
    lines = [f"{target}: {why}" for target, why in outcome.abandoned]
    suspects = unchanged(outcome.undecided)
    if not suspects:
        return NeedsAttention(f"nothing bills any more, but {UNTOLD}", "\n".join(lines), RETRY)
    hint = f"{RETRY}; {_hint(outcome.undecided)}"
    return NeedsAttention(f"{UNTOLD}, and an instance may bill", "\n".join(lines + suspects), hint)


def _may_appear(outcome: Outcome) -> NeedsAttention:
    lines = [f"{target}: {why}" for target, why in outcome.abandoned] + unchanged(outcome.undecided)
    return NeedsAttention(
        f"nothing of {outcome.deployment} is listed; until {_moment(outcome)} something may still appear",
        "\n".join(["there was no state of it, or it could not be read: a create may be under way", *lines]),
        "run `ert-deploy down` then; without --now it waits automatically",
    )


def _moment(outcome: Outcome) -> str:
    from ert_deploy.adapters.state.document import moment

    return moment(outcome.unknown_until, outcome.zone)


def doubtful(outcome: Outcome) -> NeedsAttention | None:
    """Return the error for marked instances with an unclear owner and for removed replicas; None without any."""
    return together([one for one in (undecided(outcome.undecided), _removed_in_part(outcome)) if one is not None])


def undecided(found: Iterable[tuple[InstanceId, str]]) -> NeedsAttention | None:
    """Return the error for instances that were not touched, each with the reason; None if there are none."""
    known = tuple(found)
    return left_alone(known) if known else None


def _hint(found: Doubts) -> str:
    return f"`ert-deploy adopt|ignore|destroy {found[0][0]}` decides this"

"""Results that require an action of the user: apps not updated, instances without a certain owner.

Reports them, but must not handle them.
"""

from __future__ import annotations

from collections.abc import Iterable

from ert_deploy.app.outcome import Doubts, Outcome
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.provider import InstanceId

UNTOLD = "the app still points at the old backend"
RETRY = "run `ert-deploy down` again when the web host is reachable"


def needs_attention(outcome: Outcome) -> NeedsAttention | None:
    """Return the error with which the command ends if a run requires an action of the user; None otherwise."""
    if outcome.phase is Phase.ABSENT:
        return untold(outcome)
    return (outcome.left if outcome.phase is Phase.RUNNING else None) or doubtful(outcome)


def untold(outcome: Outcome) -> NeedsAttention | None:
    """Return the error after a partial `down`: apps not updated, instances to decide about, pending creates."""
    if outcome.unknown_until:
        return _may_appear(outcome)
    if not outcome.abandoned:
        return doubtful(outcome)
    lines = [f"{target}: {why}" for target, why in outcome.abandoned]
    suspects = _lines(outcome.undecided)
    if not suspects:
        return NeedsAttention(f"nothing bills any more, but {UNTOLD}", "\n".join(lines), RETRY)
    hint = f"{RETRY}; {_hint(outcome.undecided)}"
    return NeedsAttention(f"{UNTOLD}, and an instance may bill", "\n".join(lines + suspects), hint)


def _may_appear(outcome: Outcome) -> NeedsAttention:
    from ert_deploy.adapters.state.document import moment

    lines = [f"{target}: {why}" for target, why in outcome.abandoned] + _lines(outcome.undecided)
    return NeedsAttention(
        f"nothing of {outcome.deployment} is listed; until {moment(outcome.unknown_until, outcome.zone)} something may"
        " still appear",
        "\n".join(["there was no state of it, or it could not be read: a create may be under way", *lines]),
        "run `ert-deploy down` then; without --now it waits automatically",
    )


def doubtful(outcome: Outcome) -> NeedsAttention | None:
    """Return the error for marked instances with an unclear owner; None if there are none."""
    return undecided(outcome.undecided)


def undecided(found: Iterable[tuple[InstanceId, str]]) -> NeedsAttention | None:
    """Return the error for instances that were not touched, each with the reason; None if there are none."""
    known = tuple(found)
    lines = _lines(known)
    if len(lines) < 2:
        return NeedsAttention(lines[0], hint=_hint(known)) if lines else None
    return NeedsAttention(
        f"{len(lines)} instances may be of this deployment and may bill", "\n".join(lines), _hint(known)
    )


def _lines(found: Doubts) -> list[str]:
    return [f"instance {number} was not changed and may bill: {why}" for number, why in found]


def _hint(found: Doubts) -> str:
    return f"`ert-deploy adopt|ignore|destroy {found[0][0]}` decides this"

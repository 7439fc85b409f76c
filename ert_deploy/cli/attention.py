"""What a person has to look at once `down` or `sleep` is done: apps that were not told, instances that may be ours.

Says it; must not decide what is done about it.
"""

from __future__ import annotations

from ert_deploy.cli.outcome import Outcome
from ert_deploy.core.model.errors import NeedsAttention

UNTOLD = "the app still points at the old backend"
RETRY = "run `ert-deploy down` again when Render answers"
CONSOLE = "look at it in the Vast.ai console"


def untold(outcome: Outcome) -> NeedsAttention | None:
    """What is left after `down`: apps that could not be told, and suspects. None when nothing is."""
    if not outcome.abandoned:
        return doubtful(outcome)
    lines = [f"{target}: {why}" for target, why in outcome.abandoned]
    suspects = _suspects(outcome)
    if not suspects:
        return NeedsAttention(f"nothing bills any more, but {UNTOLD}", "\n".join(lines), RETRY)
    return NeedsAttention(f"{UNTOLD}, and an instance may bill", "\n".join(lines + suspects), f"{RETRY}; {CONSOLE}")


def doubtful(outcome: Outcome) -> NeedsAttention | None:
    """Instances with our label and without our environment: never touched, so that nobody knows what they cost."""
    suspects = _suspects(outcome)
    if len(suspects) < 2:
        return NeedsAttention(suspects[0], hint=CONSOLE) if suspects else None
    return NeedsAttention(f"{len(suspects)} instances may be ours and may bill", "\n".join(suspects), CONSOLE)


def _suspects(outcome: Outcome) -> list[str]:
    label = f"bears the label of {outcome.deployment} but not its second mark"
    return [f"instance {number} {label}; it was not touched and may bill" for number in outcome.suspects]

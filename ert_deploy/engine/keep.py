"""What is said when the backend that serves is not what the config asks for, and nothing could take its place."""

from __future__ import annotations

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.planning.candidates import standing, unfit
from ert_deploy.engine.memory import Memory

NO_ROOM = "a replacement must serve before it goes, and plan/slots leaves no room for one"


def kept_serving(desired: Desired, observed: Observed, memory: Memory) -> NeedsAttention | None:
    """Says which backend serves although it does not fit, and why; None when what serves fits."""
    current = standing(desired, observed).current if desired.phase is Phase.RUNNING else None
    why = unfit(desired, current) if current is not None else ""
    if current is None or not why:
        return None
    summary = f"instance {current.instance.id} keeps serving, but {why}"
    error = memory.kept
    if error is None:
        return NeedsAttention(summary, NO_ROOM, "set plan/slots: 2, or run `ert-deploy down` and then `ert-deploy up`")
    return NeedsAttention(summary, "\n".join(filter(None, (error.summary, error.detail))), error.hint)

"""Context of a run at one observation: the current situation and the memory of the run."""

from __future__ import annotations

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.memory import Memory


@quick_dataclass
class Run:
    """Input of the step handlers. Each observation creates a new situation; the memory is kept for the whole run."""

    situation: Situation
    memory: Memory

    @property
    def desired(self) -> Desired:
        """The desired state."""
        return self.situation.desired

    @property
    def observed(self) -> Observed:
        """The state at this observation."""
        return self.situation.observed

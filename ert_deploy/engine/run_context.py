"""Context of a run at one point: the current `Situation` and the memory of the run."""

from __future__ import annotations

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.memory import Memory


@quick_dataclass
class Run:
    """Input of the step handlers. The `Situation` changes during a run, the memory is the same object."""

    situation: Situation
    memory: Memory

    @property
    def desired(self) -> Desired:
        """The desired state."""
        return self.situation.desired

    @property
    def observed(self) -> Observed:
        """The actual state in `situation`."""
        return self.situation.observed

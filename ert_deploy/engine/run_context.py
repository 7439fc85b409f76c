"""A run at one of its looks: the situation it sees, and what it remembers of the looks before."""

from __future__ import annotations

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.memory import Memory


@quick_dataclass
class Run:
    """What a step is carried out with. Each look brings a new situation; the memory is the same all the time."""

    situation: Situation
    memory: Memory

    @property
    def desired(self) -> Desired:
        """What is wanted."""
        return self.situation.desired

    @property
    def observed(self) -> Observed:
        """What was seen at this look."""
        return self.situation.observed

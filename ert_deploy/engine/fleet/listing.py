"""List of a fleet: one call of the provider serves the looks of all replicas that begin within seconds of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ert_deploy.core.model.observed import Instance
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.ports import GpuHost, TimeSource

SHARED_FOR = 2.0  # seconds, within what the settle time has to spare: see `Listing`
CHANGES = frozenset({GpuHost.create, GpuHost.destroy, GpuHost.start, GpuHost.stop})


@dataclass(slots=True)
class Listing:
    """The newest list, when it was requested (seconds of the steady clock), and the replicas that have looked at it.

    A look with an older list is one whose list is slower, which the settle time allows for. None looks at the same
    one twice, and none at one from before a call of this run that changes it.
    """

    instances: tuple[Instance, ...] = ()
    asked: float = -math.inf
    readers: set[int] = field(default_factory=set)

    def read(self, replica: int) -> Effects[tuple[Instance, ...]]:
        """Return the instances for a look of a replica. Raises what a list of the provider does."""
        now = (yield from ask(TimeSource.moment)).steady
        if replica in self.readers or now - self.asked > SHARED_FOR:
            self.forget()
            self.instances = yield from ask(GpuHost.list_instances)
            self.asked, self.readers = now, set()
        self.readers.add(replica)
        return self.instances

    def forget(self) -> None:
        """Let the next look request a list, as what the provider has is about to change."""
        self.asked = -math.inf

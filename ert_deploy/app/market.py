"""Market of a deployment: the offers on it in order, with what the deployment has learned. Read-only."""

from __future__ import annotations

from ert_deploy.core.market.learned import learn
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.offers import Choice, choose, merged
from ert_deploy.wiring import Session


def ranked(session: Session, desired: Desired, state: State) -> Choice:
    """Return the offers, accepted and rejected. Raises CannotObserve, and UsageError if the key may not search."""
    now = session.ports.clock.now()
    found = session.ports.gpu.search(desired.criteria, desired.launch)
    looked = session.ports.gpu.search(desired.criteria, desired.launch, wide=True)
    return choose(
        merged(found, looked),
        desired,
        state.denied_machines(now),
        state.machines(),
        learned=learn(state.launches),
        denied_hosts=state.denied_hosts(now),
    )

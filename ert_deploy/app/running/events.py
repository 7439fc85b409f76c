"""`events`: what happened to the deployment, by the history in its state, and its cost by the ledger. No provider."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ert_deploy.adapters.state.document import moment
from ert_deploy.app.deployment import Config, Deployment, opened
from ert_deploy.core.ledger.model import Ledger
from ert_deploy.core.ledger.spent import Spent, spent
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import replica_of

__all__ = ["Events", "Happened", "Spent", "events", "moment"]

BEGINS = ("rented", "found")  # nothing was spent before
ALIVE = ("keys", "ready", "published")  # the machine responded


@dataclass(frozen=True, slots=True)
class Events:
    """The events that the state remembers, oldest first, and where it is stored; `zone` marks their times.

    `costs` are what the instance of each had cost by then, exactly or at most; None where neither is known. `replicas`
    are the numbers of their replicas.
    """

    where: str
    events: tuple[Happened, ...]
    zone: str = "UTC"
    costs: tuple[Spent | None, ...] = ()
    replicas: tuple[int, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The replica of each event, 1 where that is not said."""
        return self.replicas or (1,) * len(self.events)


def events(config: Config = None, *, most: int | None = None) -> Events:
    """Return the last `most` events, or all that the state has. Raises UsageError, `Damaged`, and as the store does."""
    deployment = opened(config)
    store = deployment.keeper()
    document = store.load()
    parts = (document, *document.replicas)
    found = [(one, replica_of(part.deployment)[1]) for part in parts for one in part.history]
    if document.replicas:
        found.sort(key=lambda event: abs(event[0].at))
    shown = found if most is None else found[-most:]
    happened = tuple(one for one, _ in shown)
    costs, numbers = tuple(_costs(deployment, happened)), tuple(number for _, number in shown)
    return Events(store.where, happened, deployment.zone, costs, numbers)


def _costs(deployment: Deployment, shown: tuple[Happened, ...]) -> Iterator[Spent | None]:
    """Yield the cost of each event by the ledger; without it, or its store, the limit that the event itself has."""
    from ert_deploy.adapters.clock import RealClock
    from ert_deploy.stores import ledger_of

    ledger = Ledger(deployment.name)
    if any(one.cost for one in shown):
        with suppress(ErtError):
            ledger = ledger_of(deployment.settings, RealClock()).load()
    alive = {one.instance: one.at for one in shown if one.what in ALIVE}
    for one in shown:
        asked = one.instance and one.at > 0 and one.what not in BEGINS
        found = spent(ledger, InstanceId(one.instance), one.at, alive.get(one.instance, 0.0)) if asked else None
        if found is not None and (found.exact or not one.cost or found.cost < one.cost):
            yield found
        else:
            yield Spent(one.cost, exact=False) if one.cost else None

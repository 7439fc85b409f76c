"""`events`: what happened to the deployment, by the history in its state. Calls no provider."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.adapters.state.document import moment
from ert_deploy.app.deployment import Config, opened
from ert_deploy.core.model.log.happened import Happened

__all__ = ["Events", "Happened", "events", "moment"]


@dataclass(frozen=True, slots=True)
class Events:
    """The events that the state remembers, oldest first, and where it is stored; `zone` marks their times."""

    where: str
    events: tuple[Happened, ...]
    zone: str = "UTC"


def events(config: Config = None, *, most: int | None = None) -> Events:
    """Return the last `most` events, or all that the state has. Raises UsageError, `Damaged`, and as the store does."""
    deployment = opened(config)
    store = deployment.keeper()
    found = store.load().history
    return Events(store.where, found if most is None else found[-most:], deployment.zone)

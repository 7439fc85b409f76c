"""Order of instances by age: when each was rented by the provider's clock, never by the form of its id.

The provider says when; where it does not, the state may have written it down. What nobody knows is taken for new. Of
two of the same age the ids decide, so that every look puts them in the same order, and which is first means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State


def by_age(state: State | None = None) -> Callable[[Instance], tuple[float, str]]:
    """A key to sort instances with, oldest first. A time in the state that is no provider's is ignored."""

    written = {} if state is None else {r.id: r.at if r.at > 0 else math.inf for r in reversed(state.records)}

    def key(instance: Instance) -> tuple[float, str]:
        rented = instance.started
        if rented is None or not math.isfinite(rented):
            rented = written.get(instance.id, math.inf)
        return rented, instance.id

    return key


def newest(instances: Iterable[Instance]) -> Instance:
    """The one that was rented last. Raises ValueError when there is none."""
    return max(instances, key=by_age())

"""The state of a deployment that is kept where we do not know: empty, and what is written to it lasts for one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.state import State


class StateNowhere:
    """Serves `reap --all-deployments` only; nothing may ever be rented on it."""

    def __init__(self, deployment: str) -> None:
        self._state = State(deployment)

    def load(self) -> State:
        """What this run wrote."""
        return self._state

    def save(self, state: State) -> State:
        """Remember it for this run."""
        if state.generation != self._state.generation:
            raise StateConflict("somebody else wrote the state")
        self._state = replace(state, generation=state.generation + 1)
        return self._state

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:  # noqa: ARG002, the port's signature
        """There is nobody to keep out."""
        yield

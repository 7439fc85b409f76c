"""Ephemeral state: an empty state in memory for one run, for a deployment whose stored state cannot be found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.state import State


class StateNowhere:
    """State store for `reap --all-deployments` only; no machine may be rented with it."""

    def __init__(self, deployment: str) -> None:
        self._state = State(deployment)

    def load(self) -> State:
        """Return the state of this run."""
        return self._state

    def save(self, state: State) -> State:
        """Keep the state for this run. Raise `StateConflict` when `generation` is not the current one."""
        if state.generation != self._state.generation:
            raise StateConflict("another run wrote the state")
        self._state = replace(state, generation=state.generation + 1)
        return self._state

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:  # noqa: ARG002, the port's signature
        """Do nothing: no other process can access this state."""
        yield

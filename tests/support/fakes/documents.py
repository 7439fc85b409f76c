"""A store in memory that keeps the same document as the real ones, so that anything may be put in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ert_deploy.adapters.state.document import decode, encode
from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.state import State


class DocumentStore:
    """`raw` is what is stored; None for nothing."""

    def __init__(self, deployment: str, raw: bytes | None) -> None:
        self.deployment = deployment
        self.raw = raw

    def load(self) -> State:
        """As the real ones."""
        return State(self.deployment) if self.raw is None else decode(self.raw, "the store", self.deployment)

    def save(self, state: State) -> State:
        """As the real ones."""
        if self.load().generation != state.generation:
            raise StateConflict("somebody wrote")
        written = replace(state, generation=state.generation + 1)
        self.raw = encode(written)
        return written

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        """Nobody else is there."""
        yield

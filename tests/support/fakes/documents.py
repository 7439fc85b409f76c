"""A store in memory with the same document format as the real ones; its content can be replaced by a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ert_deploy.adapters.state.document import decode, encode
from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.state import State


class DocumentStore:
    """`raw` is the stored document, None when there is none."""

    def __init__(self, deployment: str, raw: bytes | None) -> None:
        self.deployment = deployment
        self.raw = raw

    def load(self) -> State:
        """Load the state like the real stores."""
        return State(self.deployment) if self.raw is None else decode(self.raw, "the store", self.deployment)

    def save(self, state: State) -> State:
        """Save the state like the real stores; raise StateConflict when the generation differs."""
        if self.load().generation != state.generation:
            raise StateConflict("somebody wrote")
        written = replace(state, generation=state.generation + 1)
        self.raw = encode(written)
        return written

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        """No other process uses the store."""
        yield

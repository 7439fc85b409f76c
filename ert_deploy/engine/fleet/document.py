"""Document of a fleet: each replica loads and saves its own part of it, by conditional writes of the whole.

A save fails only if another run wrote the same part since the replica has read it. Where only other parts have
changed, it is repeated with them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ert_deploy.core.model.errors import ErtError, StateConflict
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.replicas.parts import (
    is_clean,
    missing_part,
    of_account,
    stored_part,
    with_part,
    without_part,
)
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.ports import StateStore

T = TypeVar("T")
TRIES = 20  # writes of other parts in a row by others
MayWrite = Callable[[State], str]  # why the document that a save replaces does not allow it; empty if it does


def _anything(_: State) -> str:
    return ""


@dataclass(slots=True)
class Document:
    """The document as it was last read or written, and for each replica the stored part that it was given last.

    `blank`: there was none at the start of the run. `parts` are those that were given of this document.
    """

    whole: State | None = None
    blank: bool = False
    given: dict[int, State | None] = field(default_factory=dict)
    parts: dict[int, State] = field(default_factory=dict)

    def load(self, replica: int) -> Effects[State]:
        """Read the document and return the part of a replica."""
        self._keep((yield from ask(StateStore.load)))
        return self._give(replica)

    def save(self, replica: int, state: State, may_write: MayWrite = _anything) -> Effects[State]:
        """Write the part of a replica and return it as stored. Raises StateConflict, and the errors of the store."""
        for _ in range(TRIES):
            whole = self.whole
            assert whole is not None, "a state is loaded before it is saved"
            if stored_part(whole, replica) != self.given[replica]:
                raise StateConflict("another run wrote the state of this replica")
            if why := may_write(whole):
                raise StateConflict(why)
            try:
                written = yield from ask(StateStore.save, with_part(whole, replica, state))
            except StateConflict:
                self._keep((yield from ask(StateStore.load)))
            else:
                self._keep(written)
                return self._give(replica)
        raise StateConflict("other runs keep writing the state of other replicas")

    def wrote(self, document: State) -> None:
        """Note a document without further parts, as the first replica has written it by itself."""
        self._keep(document)
        self._give(1)

    def is_removed(self, replica: int) -> bool:
        """Whether it was removed for good or never rented: a complete document that was there has no part of it."""
        assert self.whole is not None
        return not self.blank and not self.whole.begun and self.given[replica] is None

    def drop(self, replica: int) -> Effects[None]:
        """Remove the part of a replica that is gone. Not worth an error: the next run does it."""
        whole = self.whole
        part = None if whole is None else stored_part(whole, replica)
        if whole is None or part is None or part != self.given.get(replica) or not is_clean(part):
            return
        first = stored_part(whole, 1)
        with suppress(ErtError):
            self._keep((yield from ask(StateStore.save, without_part(whole, replica))))
            if self.given.get(1) == first:
                self.given[1] = stored_part(self.whole or whole, 1)  # only the count of its writes is another one

    def _keep(self, document: State) -> None:
        if self.whole is None:
            self.blank = not document.generation
        if self.whole is not document:
            self.whole = document
            self.parts.clear()

    def _give(self, replica: int) -> State:
        assert self.whole is not None
        if replica not in self.parts:
            self.given[replica] = part = stored_part(self.whole, replica)
            if part is None:
                self.parts[replica] = missing_part(self.whole, replica, blank=self.blank)
            else:
                self.parts[replica] = of_account(part, self.whole)
        return self.parts[replica]


def as_replica(effects: Effects[T], replica: int) -> Effects[T]:
    """Run effects of one replica on its part of the document, as those of the operator's commands."""
    document = Document()
    value: Any = None
    error: ErtError | None = None
    while True:
        try:
            effect = effects.send(value) if error is None else effects.throw(error)
        except StopIteration as done:
            result: T = done.value
            return result
        value, error = None, None
        try:
            if effect.method is StateStore.load:
                value = yield from document.load(replica)
            elif effect.method is StateStore.save:
                value = yield from document.save(replica, effect.args[0])
            else:
                value = yield effect
        except ErtError as caught:
            error = caught

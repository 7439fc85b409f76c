"""A `Board` with both sides in this process, for tests that act as the guard and as the app."""

from __future__ import annotations

from ert_backend.base.board import Board


class OneBoard(Board):
    """Each side reads the writes of the other, as with the inherited page."""

    @property
    def shared(self) -> bool:
        """True, as if the app had inherited it."""
        return True

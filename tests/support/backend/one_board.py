"""A board whose both sides are in this process, for tests that play the guard and the app."""

from __future__ import annotations

from ert_backend.base.board import Board


class OneBoard(Board):
    """Each side sees what the other writes, as over the inherited page."""

    @property
    def shared(self) -> bool:
        """As if the app had inherited it."""
        return True

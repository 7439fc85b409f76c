"""A figure, a company, a time or a number as a sentence names it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ert_backend.grounding import periods
from ert_backend.grounding.facts import Period
from ert_backend.grounding.numerals import Numeral

ALL, MEAN, MOST, NONE, ANY = "*all", "*mean", "*most", "*none", "*any"
GROUP = "*peers"


@dataclass(frozen=True, slots=True)
class Term:
    """A figure, a company or a time that a sentence names, or a bare number; `names` are the figures it may be.

    `named`: its company is said right there. `loss`: it is told as the size of a loss.
    """

    start: int
    end: int
    names: frozenset[str] = frozenset()
    owner: str | None = None
    when: periods.Mention | None = None
    numeral: Numeral | None = None
    named: bool = False
    loss: bool = False

    @property
    def period(self) -> Period | None:
        """The time that is said."""
        return self.when.period if self.when else None


def within(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a place overlaps one of these."""
    return any(left < end and start < right for left, right in spans)

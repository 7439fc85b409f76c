"""One named part of a sentence: a figure, a company, a date or a bare number."""

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
    """A figure, a company or a date in a sentence, or a bare number; `names` are the figures it may refer to.

    `named`: its company is named right next to it. `loss`: the value is the size of a loss.
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
        """The `Period` in the sentence, if any."""
        return self.when.period if self.when else None


def within(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a position overlaps one of these spans."""
    return any(left < end and start < right for left, right in spans)

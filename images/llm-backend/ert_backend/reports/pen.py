"""Sentence builder: joins clauses written by code, and records the figure of each number. No I/O.

A clause is omitted when its figure is missing, never the whole sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ert_backend.grounding.derive import find
from ert_backend.grounding.facts import NOT_MEANINGFUL, Fact, Unit
from ert_backend.grounding.figures import Figures
from ert_backend.reports.display import show, show_size
from ert_backend.reports.prose import Traced
from ert_backend.reports.text.hygiene import name_fault
from ert_backend.reports.text.plain import plain

Clause = str | float | bool | None


class Pen:
    """Builds the sentences of one section from the figures that may be printed."""

    def __init__(self, figures: Figures, company: str) -> None:
        self.company, self.figures, self.facts = plain_line(company), figures, figures.told
        self.written: list[Traced] = []
        self._numbers: dict[str, str] = {}
        self._cited: list[str] = []

    def value(self, name: str) -> float | None:
        """Return the number of a figure that may be used."""
        fact = find(self.facts, name)
        return fact.number if fact else None

    def has(self, name: str) -> bool:
        """Whether the figure may be used."""
        return self.value(name) is not None

    def below_zero(self, name: str) -> bool:
        """Whether the figure may be used and is negative."""
        return (self.value(name) or 0.0) < 0

    def senseless(self, *names: str) -> bool:
        """Whether one of these multiples exists and is not meaningful."""
        found = (find(self.figures.facts, name) for name in names)
        return any(fact is not None and fact.value == NOT_MEANINGFUL for fact in found)

    def n(self, name: str) -> str:
        """Return the formatted figure."""
        return self._shown(name, show)

    def size(self, name: str) -> str:
        """Return the formatted figure without its minus, for a sentence with "loss" or "fell"."""
        return self._shown(name, show_size)

    def text(self, name: str) -> str | None:
        """Return a supplied name, such as that of the industry."""
        fact = self.facts.get(name)
        if fact is None or fact.unit is not Unit.TEXT or name_fault(str(fact.value)):
            return None
        self._cited.append(fact.id)
        return plain_line(str(fact.value))

    def say(self, *clauses: Clause) -> None:
        """Add a sentence of the clauses that are strings; none when the first is not."""
        if clauses and isinstance(clauses[0], str) and clauses[0]:
            text = "".join(clause for clause in clauses if isinstance(clause, str)) + "."
            numbers = tuple((shown, name) for shown, name in self._numbers.items() if shown in text)
            self.written.append(Traced(text, " ", numbers, cited=tuple(self._cited), by="code"))
        self._numbers, self._cited = {}, []

    def _shown(self, name: str, how: Callable[[Fact], str]) -> str:
        fact = find(self.facts, name)
        if fact is None:
            raise KeyError(name)
        shown = how(fact)
        self._numbers[shown] = fact.id
        return shown


def plain_line(text: str) -> str:
    """Return the supplied text on one line, without markup."""
    return re.sub(r"[<>`\[\]*|{}\\~]|!(?=\()", "", " ".join(plain(text).split()))[:200]

"""Holds every number in the model's prose against the facts. Pure.

A number stands when a fact of the same kind has that value at the precision written, or when it appears in the text
that was supplied. It falls when nothing has that value, or when the sentence gives it another figure's name. Not seen:
numbers spelled out in words, and claims without a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ert_backend.facts import Fact, Unit
from ert_backend.numerals import Kind, Numeral, read
from ert_backend.vocabulary import KNOWN

LABEL_REACH = 40
LABEL_FOLLOWS = 6
# Other words for a figure, and words for figures that a report may never be given: naming one of these is a claim too.
ALIASES = {
    "market cap": "Market capitalisation",
    "market capitalization": "Market capitalisation",
    "revenues": "Revenue",
    "sales": "Revenue",
    "net profit": "Net income",
    "p/e ratio": "Trailing P/E",
    "cash flow": "Cash flow",
    "cash flow from operations": "Operating cash flow",
    "debt-to-equity": "Debt to equity",
}
LABELS = {**{label.lower(): label for label, _ in KNOWN.values()}, **ALIASES}


class Verdict(StrEnum):
    """What became of a number."""

    GROUNDED = "grounded"
    DERIVED = "derived"
    UNGROUNDED = "ungrounded"
    MISLABELLED = "mislabelled"


@dataclass(frozen=True, slots=True)
class Claim:
    """One number with its verdict; `nearest` is the id of the matching or else the closest fact of its kind."""

    numeral: Numeral
    verdict: Verdict
    nearest: str | None

    @property
    def stands(self) -> bool:
        """Whether the sentence may stay because of this number."""
        return self.verdict in {Verdict.GROUNDED, Verdict.DERIVED}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What numbers may be proven by: facts, and the numerals of the supplied text and dates."""

    facts: Sequence[Fact]
    supplied: Sequence[Numeral]


def evidence(facts: Iterable[Fact], texts: Iterable[str]) -> Evidence:
    """Evidence from facts and from the texts that were handed in with them."""
    facts = list(facts)
    written = [str(fact.value) for fact in facts if fact.unit is Unit.TEXT]
    dates = [fact.as_of for fact in facts if fact.as_of]
    years = [year for date in dates for year in re.findall(r"\b(?:19|20)\d\d", date)]
    supplied = [numeral for text in (*texts, *written, *years) for numeral in read(text)]
    return Evidence([fact for fact in facts if fact.number is not None], supplied)


def check(sentence: str, known: Evidence) -> list[Claim]:
    """A verdict on each number of one sentence."""
    return [_judge(numeral, sentence, known) for numeral in read(sentence)]


def _judge(numeral: Numeral, sentence: str, known: Evidence) -> Claim:
    matching = [fact for fact in known.facts if any(_equal(numeral, form) for form in _forms(fact, numeral.kind))]
    if matching:
        if _mislabelled(numeral, sentence, matching, known.facts):
            return Claim(numeral, Verdict.MISLABELLED, matching[0].id)
        supplied = next((fact for fact in matching if not fact.derived), None)
        verdict = Verdict.GROUNDED if supplied else Verdict.DERIVED
        return Claim(numeral, verdict, (supplied or matching[0]).id)
    if any(_same_text(numeral, other) for other in known.supplied):
        return Claim(numeral, Verdict.GROUNDED, None)
    return Claim(numeral, Verdict.UNGROUNDED, _nearest(numeral, known.facts))


def _forms(fact: Fact, kind: Kind) -> tuple[float, ...]:
    """The values a fact may be written as in a numeral of `kind`; none where the kind is not its own."""
    value = fact.number or 0.0
    forms: dict[Unit, dict[Kind, tuple[float, ...]]] = {
        Unit.MONEY: {Kind.MONEY: (value,), Kind.PLAIN: (value,)},
        Unit.RATIO: {Kind.PERCENT: (value * 100,), Kind.PLAIN: (value,)},
        Unit.PERCENT: {Kind.PERCENT: (value,), Kind.MULTIPLE: (value / 100,), Kind.PLAIN: (value,)},
        Unit.MULTIPLE: {Kind.MULTIPLE: (value,), Kind.PLAIN: (value,)},
        Unit.COUNT: {Kind.PLAIN: (value,)},
        # A field we have no name for may be any of them.
        Unit.NUMBER: {Kind.PLAIN: (value,), Kind.MONEY: (value,), Kind.PERCENT: (value, value * 100)},
    }
    return forms.get(fact.unit, {}).get(kind, ())


def _equal(numeral: Numeral, value: float) -> bool:
    """At the precision written. Without a sign a fall may be told in words: `fell 3%` is -0.03."""
    slack = numeral.tolerance * (1 + 1e-9) + 1e-12 * max(1.0, abs(value))
    if numeral.signed:
        return abs(numeral.value - value) <= slack
    return abs(numeral.value - abs(value)) <= slack


def _same_text(numeral: Numeral, other: Numeral) -> bool:
    return numeral.kind is other.kind and abs(numeral.value - other.value) <= min(numeral.tolerance, other.tolerance)


def _nearest(numeral: Numeral, facts: Sequence[Fact]) -> str | None:
    distances = [(abs(numeral.value - form), fact.id) for fact in facts for form in _forms(fact, numeral.kind)]
    return min(distances)[1] if distances else None


def _mislabelled(numeral: Numeral, sentence: str, matching: Sequence[Fact], facts: Sequence[Fact]) -> bool:
    """A right number under a wrong name: another figure is named beside it, and its own name nowhere."""
    own = [fact.label.lower() for fact in matching]
    named = _named(sentence, facts)
    # `Revenue fell 2.8%` names the figure Revenue growth well enough.
    if any(label.lower() in name for _, _, label in named for name in own):
        return False
    before = any(0 <= numeral.start - end <= LABEL_REACH for _, end, _ in named)
    after = any(0 <= start - numeral.end <= LABEL_FOLLOWS for start, _, _ in named)
    return before or after


def _named(sentence: str, facts: Sequence[Fact]) -> list[tuple[int, int, str]]:
    """Where figures are named and which, the longest name first: `cash flow` is not `cash`."""
    names = {**LABELS, **{fact.label.lower(): fact.label for fact in facts}}
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    matches = re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", sentence.lower())
    return [(match.start(), match.end(), names[match[0]]) for match in matches]

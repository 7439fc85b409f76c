"""Holds every number in the model's prose against the facts. Pure.

A number stands when a fact of the same kind has that value at the precision written, under a name, a period, a sign
and a company that are its own, or when it is written so in the text that was supplied. It falls otherwise. Not seen:
claims without a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ert_backend.grounding import labels, periods
from ert_backend.grounding.bounds import MAX_QUOTED, pieces, within
from ert_backend.grounding.direction import agrees
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.labels import SELF
from ert_backend.grounding.numerals import Kind, Numeral, read


class Verdict(StrEnum):
    """What became of a number."""

    GROUNDED = "grounded"
    DERIVED = "derived"
    UNGROUNDED = "ungrounded"
    MISLABELLED = "mislabelled"


@dataclass(frozen=True, slots=True)
class Claim:
    """One number with its verdict; `nearest` is the id of the matching fact or text, else the closest of its kind.

    `quote`: the sentence of the supplied text that alone speaks for it.
    """

    numeral: Numeral
    verdict: Verdict
    nearest: str | None
    quote: str | None = None

    @property
    def stands(self) -> bool:
        """Whether the sentence may stay because of this number."""
        return self.verdict in {Verdict.GROUNDED, Verdict.DERIVED}


@dataclass(frozen=True, slots=True)
class Quoted:
    """A number in the supplied text: where it stands (an id, a sentence), what it is called and when it was there."""

    id: str
    text: str
    numeral: Numeral
    names: tuple[labels.Mention, ...]
    period: periods.Mention | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What numbers may be proven by: facts, and the numbers and years of the supplied text and dates."""

    facts: Sequence[Fact]
    quoted: Sequence[Quoted]
    years: Mapping[int, str]
    words: labels.Words


@dataclass(frozen=True, slots=True)
class _Context:
    """One sentence taken apart."""

    sentence: str
    numerals: Sequence[Numeral]
    under: Sequence[tuple[labels.Mention, ...]]
    whose: Sequence[tuple[labels.Mention, ...]]
    when: Sequence[periods.Mention | None]


def evidence(facts: Iterable[Fact], texts: Iterable[str] | Mapping[str, str]) -> Evidence:
    """Evidence from facts and from the texts that were handed in with them, by their ids.

    The texts are read in their order, the facts' own last, as far as `bounds` lets them.
    """
    facts = list(facts)
    named = dict(texts) if isinstance(texts, Mapping) else {f"text_{i}": text for i, text in enumerate(texts, 1)}
    named = within(named | {fact.id: str(fact.value) for fact in facts if fact.unit is Unit.TEXT})
    numbers = [fact for fact in facts if fact.number is not None]
    words = labels.vocabulary(numbers)
    years: dict[int, str] = {}
    for name, text in (*((fact.id, fact.as_of or "") for fact in facts), *named.items()):
        for year in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", text):
            years.setdefault(int(year), name)
    for fact in numbers:
        if fact.period and fact.period.year:
            years.setdefault(fact.period.year, fact.id)
    quoted: dict[object, Quoted] = {}
    for name, text in named.items():
        for item in _quoted(name, text, words, numbers):
            if len(quoted) < MAX_QUOTED:
                quoted.setdefault(_same_claim(item), item)
    return Evidence(numbers, list(quoted.values()), years, words)


def _quoted(name: str, text: str, words: labels.Words, facts: Sequence[Fact]) -> Iterator[Quoted]:
    """The numbers of a text, but for sentences that give a fact's name another value."""
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        for piece in pieces(sentence):
            taken = _take_apart(piece, words)
            items = list(zip(taken.numerals, taken.under, taken.when, strict=True))
            if not any(_contradicts(numeral, under, piece, facts) for numeral, under, _ in items):
                for item in items:
                    yield Quoted(name, sentence.strip(), *item)


def _same_claim(quote: Quoted) -> object:
    """What tells two numbers of the supplied text apart: one that stands there twice proves as much as once."""
    number, when = quote.numeral, quote.period.period if quote.period else None
    names = frozenset(name for mention in quote.names for name in mention.names)
    return number.value, number.tolerance, number.kind, number.currency, names, when


def _contradicts(numeral: Numeral, under: Sequence[labels.Mention], sentence: str, facts: Iterable[Fact]) -> bool:
    """Whether a number stands under the name of one of our facts that has another value."""
    if not under:
        return False
    named = [f for f in facts if not f.subject and _forms(f, numeral.kind) and labels.means(under, f, sentence)]
    return bool(named) and not any(_fits(numeral, fact) for fact in named)


def _take_apart(sentence: str, words: labels.Words) -> _Context:
    told = periods.find(sentence)
    numerals = read(sentence, [mention.span for mention in told])
    owners = labels.owners(sentence, words)
    under = labels.assign(sentence, numerals, labels.find(sentence, words, owners))
    whose = labels.assign(sentence, numerals, owners)
    starts = [numeral.start for numeral in numerals]
    when = [periods.governing(sentence, (n.start, n.end), told, starts) for n in numerals]
    return _Context(sentence, numerals, under, whose, when)


def check(sentence: str, known: Evidence) -> list[Claim]:
    """A verdict on each number and each year of one sentence, in order."""
    context = _take_apart(sentence, known.words)
    claims = [_judge(context, index, known) for index in range(len(context.numerals))]
    claims += [_dated(mention, known) for mention in periods.find(sentence) if mention.period.year]
    return sorted(claims, key=lambda claim: claim.numeral.start)


def _dated(mention: periods.Mention, known: Evidence) -> Claim:
    year = mention.period.year or 0
    numeral = Numeral(mention.text, float(year), 0.5, Kind.PERIOD, False, mention.start, mention.end)
    found = known.years.get(year)
    if found is None:
        plain = Numeral(mention.text, float(year), 0.5, Kind.PLAIN, False, mention.start, mention.end)
        found = next((fact.id for fact in known.facts if fact.unit is Unit.COUNT and _fits(plain, fact)), None)
    return Claim(numeral, Verdict.GROUNDED if found else Verdict.UNGROUNDED, found)


def _judge(context: _Context, index: int, known: Evidence) -> Claim:
    numeral = context.numerals[index]
    matching = [fact for fact in known.facts if _fits(numeral, fact)]
    right = [fact for fact in matching if _told_right(context, index, fact)]
    if right:
        supplied = next((fact for fact in right if not fact.derived), None)
        return Claim(numeral, Verdict.GROUNDED if supplied else Verdict.DERIVED, (supplied or right[0]).id)
    texts = [quote for quote in known.quoted if _same(numeral, quote.numeral)]
    told = next((quote for quote in texts if _quoted_right(context, index, quote)), None)
    if told and not _contradicts(numeral, context.under[index], context.sentence, known.facts):
        return Claim(numeral, Verdict.GROUNDED, told.id, told.text)
    if matching or texts:
        return Claim(numeral, Verdict.MISLABELLED, matching[0].id if matching else texts[0].id)
    return Claim(numeral, Verdict.UNGROUNDED, _nearest(numeral, known.facts))


def _told_right(context: _Context, index: int, fact: Fact) -> bool:
    """Under its own name, period, sign and company."""
    when = context.when[index]
    if when is not None and not periods.belongs(when, fact.period):
        return False
    if not labels.means(context.under[index], fact, context.sentence):
        return False
    return agrees(context.sentence, context.numerals[index], fact) and _owner(context, index, fact)


def _quoted_right(context: _Context, index: int, quote: Quoted) -> bool:
    """A number of the supplied text keeps its name and its time; a name or a time the text did not give it is wrong."""
    under, when = context.under[index], context.when[index]
    if when is not None and not periods.agree(when, quote.period):
        return False
    wanted = {name for mention in under for name in mention.names}
    return not wanted or bool(wanted & {name for mention in quote.names for name in mention.names})


def _owner(context: _Context, index: int, fact: Fact) -> bool:
    """A peer's figure stands under the peer's name only, and ours not under a peer's."""
    named = {name for mention in context.whose[index] for name in mention.names}
    return named == {fact.subject} if fact.subject else named <= {SELF}


def _forms(fact: Fact, kind: Kind) -> tuple[float, ...]:
    """The values a fact may be written as in a numeral of `kind`; none where the kind is not its own."""
    value = fact.number or 0.0
    forms: dict[Unit, dict[Kind, tuple[float, ...]]] = {
        Unit.MONEY: {Kind.MONEY: (value,), Kind.PLAIN: (value,)},
        Unit.RATIO: {Kind.PERCENT: (value * 100,), Kind.PLAIN: (value,)},
        Unit.PERCENT: {Kind.PERCENT: (value,), Kind.MULTIPLE: (value / 100,), Kind.PLAIN: (value / 100,)},
        Unit.MULTIPLE: {Kind.MULTIPLE: (value,), Kind.PLAIN: (value,)},
        Unit.COUNT: {Kind.PLAIN: (value,)},
        # A field we have no name for may be any of them.
        Unit.NUMBER: {Kind.PLAIN: (value,), Kind.MONEY: (value,), Kind.PERCENT: (value, value * 100)},
    }
    return forms.get(fact.unit, {}).get(kind, ())


def _fits(numeral: Numeral, fact: Fact) -> bool:
    """At the precision written and in the same currency. Without a sign a fall may be told in words: `fell 3%`."""
    if numeral.currency and fact.unit is Unit.MONEY and not _same_money(numeral.currency, fact.currency):
        return False
    whole = numeral.kind is Kind.PLAIN and numeral.tolerance == 0.5
    if whole and fact.unit in {Unit.RATIO, Unit.PERCENT, Unit.MULTIPLE}:
        return False  # a bare `1` says nothing of a ratio of 0.7
    for value in _forms(fact, numeral.kind):
        slack = numeral.tolerance * (1 + 1e-9) + 1e-12 * max(1.0, abs(value))
        said = numeral.value - value if numeral.signed else abs(numeral.value) - abs(value)
        if abs(said) <= slack:
            return True
    return False


def _same_money(written: str, currency: str | None) -> bool:
    """`$` is the US dollar: nobody reads it as another where two currencies may be in one report."""
    return written == currency or (written == "$" and currency == "USD")


def _same(numeral: Numeral, other: Numeral) -> bool:
    money = numeral.currency in (None, other.currency) or other.currency is None
    near = abs(numeral.value - other.value) <= min(numeral.tolerance, other.tolerance)
    return money and numeral.kind is other.kind and near


def _nearest(numeral: Numeral, facts: Sequence[Fact]) -> str | None:
    distances = [(abs(numeral.value - form), fact.id) for fact in facts for form in _forms(fact, numeral.kind)]
    return min(distances)[1] if distances else None

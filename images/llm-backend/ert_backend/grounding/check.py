"""Check each number of the model's text against the facts.

A number is accepted when a fact of the same kind has that value at the written precision, and the name, period, sign
and company around it match the fact, or when the same value is in the input text. Otherwise it is rejected. Of the
rest, only comparisons that `claims` evaluates are checked; they are rejected when a figure contradicts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ert_backend.grounding import labels, periods
from ert_backend.grounding.bounds import MAX_QUOTED, cut, pieces, within
from ert_backend.grounding.claims import read as claims
from ert_backend.grounding.direction import agrees
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.fit import fits, forms, nearest, same
from ert_backend.grounding.labels import SELF
from ert_backend.grounding.numerals import Kind, Numeral, read
from ert_backend.grounding.shared_names import Mention, Words

# No sentence is longer; text without sentence breaks is read in chunks of this size.
WINDOW = 600


class NumberResult(StrEnum):
    """The result for one number."""

    GROUNDED = "grounded"
    DERIVED = "derived"
    UNGROUNDED = "ungrounded"
    MISLABELLED = "mislabelled"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class Claim:
    """One number with its verdict; `nearest` is the id of the matching fact or text, else the closest of its kind.

    `quote`: the sentence of the input text, when that is the only support for the number.
    """

    numeral: Numeral
    verdict: NumberResult
    nearest: str | None
    quote: str | None = None

    @property
    def stands(self) -> bool:
        """Whether this number allows the sentence to be kept."""
        return self.verdict in {NumberResult.GROUNDED, NumberResult.DERIVED}


@dataclass(frozen=True, slots=True)
class Quoted:
    """A number of the input text: its location (an id, a sentence), its label and its `Period`."""

    id: str
    text: str
    numeral: Numeral
    names: tuple[Mention, ...]
    period: periods.Mention | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The data that supports a number: each `Fact`, and the values and years of the input."""

    facts: Sequence[Fact]
    quoted: Sequence[Quoted]
    years: Mapping[int, str]
    words: Words
    names: claims.Names
    figures: claims.Figures


@dataclass(frozen=True, slots=True)
class _Context:
    """One parsed sentence."""

    sentence: str
    numerals: Sequence[Numeral]
    under: Sequence[tuple[Mention, ...]]
    whose: Sequence[tuple[Mention, ...]]
    when: Sequence[periods.Mention | None]
    named: bool


def evidence(facts: Iterable[Fact], texts: Iterable[str] | Mapping[str, str], called: Iterable[str] = ()) -> Evidence:
    """Build the `Evidence` of the facts and of each input text, by id; `called`: names of the report's own company.

    The input is read in order, the facts' own text last, within the limits of `bounds`.
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
    own = [*called, *(str(fact.value) for fact in facts if fact.label == "Company" and fact.unit is Unit.TEXT)]
    names, figures = claims.names(facts, words.names, own), claims.index(numbers)
    known = Evidence([*numbers, *claims.following(figures, numbers)], [], years, words, names, figures)
    quoted: dict[object, Quoted] = {}
    for name, text in named.items():
        for item in _quoted(name, text, known):
            if len(quoted) < MAX_QUOTED:
                quoted.setdefault(_same_claim(item), item)
    return replace(known, quoted=list(quoted.values()))


def _quoted(name: str, text: str, known: Evidence) -> Iterator[Quoted]:
    """Yield each number of a text, except in sentences that contradict a fact."""
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        for piece in pieces(sentence):
            taken = _take_apart(piece, known)
            items = list(zip(taken.numerals, taken.under, taken.when, strict=True))
            if not any(_contradicts(numeral, under, piece, known.facts) for numeral, under, _ in items):
                for item in items:
                    yield Quoted(name, sentence.strip(), *item)


def _same_claim(quote: Quoted) -> object:
    """Key that identifies a number of the input text: a repeated number supports no more than a single one."""
    number, when = quote.numeral, quote.period.period if quote.period else None
    names = frozenset(name for mention in quote.names for name in mention.names)
    return number.value, number.tolerance, number.kind, number.currency, names, when


def _contradicts(numeral: Numeral, under: Sequence[Mention], sentence: str, facts: Iterable[Fact]) -> bool:
    """Whether a number has the label of a fact that has another value."""
    if not under:
        return False
    named = [f for f in facts if not f.subject and forms(f, numeral.kind) and labels.means(under, f, sentence)]
    return bool(named) and not any(fits(numeral, fact) for fact in named)


def _take_apart(sentence: str, known: Evidence) -> _Context:
    told = periods.find(sentence, known.figures.latest)
    numerals = read(sentence, [mention.span for mention in told])
    owners = labels.owners(sentence, known.names.companies, known.names.owners)
    under = labels.assign(sentence, numerals, labels.find(sentence, known.words, owners))
    whose = labels.owned(sentence, numerals, owners)
    starts = [numeral.start for numeral in numerals]
    spoken = [mention for mention in told if not (mention.relative and claims.referred(sentence.lower(), mention))]
    spans = [(n.start, n.end) for n in numerals]
    listed = periods.in_order(sentence, spans, spoken)
    when = [listed.get(i) or periods.governing(sentence, span, spoken, starts) for i, span in enumerate(spans)]
    return _Context(sentence, numerals, under, whose, when, any(under))


def check(sentence: str, known: Evidence) -> list[Claim]:
    """Return the result for each number, each year and each comparison of one sentence, in order."""
    return [_moved(claim, start) for start, piece in cut(sentence, WINDOW) for claim in _check(piece, known)]


def _moved(claim: Claim, by: int) -> Claim:
    numeral = claim.numeral
    return replace(claim, numeral=replace(numeral, start=numeral.start + by, end=numeral.end + by)) if by else claim


def _check(sentence: str, known: Evidence) -> list[Claim]:
    context = _take_apart(sentence, known)
    found = [_judge(context, index, known) for index in range(len(context.numerals))]
    told = {claim.nearest for claim in found if claim.stands and claim.nearest}
    decided = claims.rulings(_scene(context, known), told)
    settled = {numeral.start: ruling for ruling in decided if ruling.true for numeral in ruling.numerals}
    found = [_settled(claim, settled) for claim in found]
    found += [_contradicted(sentence, ruling) for ruling in decided if not ruling.true]
    found += [_dated(mention, known) for mention in periods.find(sentence) if mention.period.year]
    return sorted(found, key=lambda claim: claim.numeral.start)


def _scene(context: _Context, known: Evidence) -> claims.Scene:
    under = {i: [(m.start, m.end) for m in mentions] for i, mentions in enumerate(context.under)}
    return claims.scene(context.sentence, known.names, known.figures, context.numerals, under)


def _settled(claim: Claim, settled: Mapping[int, claims.Ruling]) -> Claim:
    """Return the claim as derived when its number is the result of two figures."""
    ruling = settled.get(claim.numeral.start)
    if claim.stands or ruling is None:
        return claim
    return Claim(claim.numeral, NumberResult.DERIVED, ruling.ids[0] if ruling.ids else None)


def _contradicted(sentence: str, ruling: claims.Ruling) -> Claim:
    text = sentence[ruling.start : ruling.end]
    numeral = Numeral(text, 0.0, 0.0, Kind.PLAIN, False, ruling.start, ruling.end)
    return Claim(numeral, NumberResult.CONTRADICTED, ruling.ids[0] if ruling.ids else None)


def _dated(mention: periods.Mention, known: Evidence) -> Claim:
    year = mention.period.year or 0
    numeral = Numeral(mention.text, float(year), 0.5, Kind.PERIOD, False, mention.start, mention.end)
    found = known.years.get(year)
    if found is None:
        plain = Numeral(mention.text, float(year), 0.5, Kind.PLAIN, False, mention.start, mention.end)
        found = next((fact.id for fact in known.facts if fact.unit is Unit.COUNT and fits(plain, fact)), None)
    return Claim(numeral, NumberResult.GROUNDED if found else NumberResult.UNGROUNDED, found)


def _judge(context: _Context, index: int, known: Evidence) -> Claim:
    numeral = context.numerals[index]
    matching = [fact for fact in known.facts if fits(numeral, fact, named=context.named)]
    right = [fact for fact in matching if _told_right(context, index, fact, known)]
    if right:
        supplied = next((fact for fact in right if not fact.derived), None)
        return Claim(numeral, NumberResult.GROUNDED if supplied else NumberResult.DERIVED, (supplied or right[0]).id)
    texts = [quote for quote in known.quoted if same(numeral, quote.numeral)]
    told = next((quote for quote in texts if _quoted_right(context, index, quote)), None)
    if told and not _contradicts(numeral, context.under[index], context.sentence, known.facts):
        return Claim(numeral, NumberResult.GROUNDED, told.id, told.text)
    if matching or texts:
        return Claim(numeral, NumberResult.MISLABELLED, matching[0].id if matching else texts[0].id)
    return Claim(numeral, NumberResult.UNGROUNDED, nearest(numeral, known.facts))


def _told_right(context: _Context, index: int, fact: Fact, known: Evidence) -> bool:
    """Whether the label, the date, the sign and the company all match the fact."""
    when = context.when[index]
    if when is not None and not claims.timely(when, fact, known.figures):
        return False
    if not labels.means(context.under[index], fact, context.sentence):
        return False
    return agrees(context.sentence, context.numerals[index], fact) and _owner(context, index, fact)


def _quoted_right(context: _Context, index: int, quote: Quoted) -> bool:
    """Whether label and date match those in the input text; one that the input text does not give is an error."""
    under, when = context.under[index], context.when[index]
    if when is not None and not periods.agree(when, quote.period):
        return False
    wanted = {name for mention in under for name in mention.names}
    return not wanted or bool(wanted & {name for mention in quote.names for name in mention.names})


def _owner(context: _Context, index: int, fact: Fact) -> bool:
    """Whether a peer's figure is under that peer's name, and the report's own company's is not under a peer's."""
    named = {name for mention in context.whose[index] for name in mention.names}
    return named == {fact.subject} if fact.subject else named <= {SELF}

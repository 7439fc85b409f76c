"""Changes over time: `revenue fell`, `falling margins`, `cut its debt`, `tripled since FY2022`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ert_backend.grounding.claims.change.elliptic import elliptic
from ert_backend.grounding.claims.change.from_to import ends, from_to
from ert_backend.grounding.claims.change.outcome import change_of
from ert_backend.grounding.claims.change.parts import about, amount_of
from ert_backend.grounding.claims.change.size import Change, Said, is_so
from ert_backend.grounding.claims.change.speed import SPEED, STOPPED
from ert_backend.grounding.claims.decide import Outcome, Pair, Ruling, above, below, decide, fits
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Amount
from ert_backend.grounding.claims.sentence.arguments import denied, unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import BOTH_YEARS, SPAN, Span, span
from ert_backend.grounding.claims.words.changes import (
    APART_FROM,
    BETWEEN,
    CHANGE,
    COPULA,
    FELL_IN,
    FELL_ON,
    FOLLOWING,
    FROM_FIGURE,
    LATER,
    PARTICLE,
    REGAINED,
    RESPECTIVELY,
    SHORT,
    THEN,
)
from ert_backend.grounding.claims.words.predicates import EXPECTED
from ert_backend.grounding.numerals import Kind, Numeral


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each change of a figure."""
    said = scene.amounts
    named = {place for term in scene.terms for place in range(term.start, term.end)}
    named |= {place for pattern in (SPEED, STOPPED) for m in pattern.finditer(scene.text) for place in range(*m.span())}
    matches = [match for match in CHANGE.finditer(scene.text) if match.start() not in named]
    for place, match in enumerate(matches):
        if match[0] in {"up", "down"} and PARTICLE.search(scene.text[max(0, match.start() - 14) : match.start()]):
            continue
        if unreal(scene, match.start()) or SHORT.match(scene.text, match.end()) or _dates(scene, match):
            continue
        if match[0] in APART_FROM and EXPECTED.search(scene.text):
            continue
        if FOLLOWING.match(scene.text, match.end()) or _loses_money(scene, match):
            continue
        if scene.periods and LATER.search(scene.text[max(0, match.start() - 24) : match.start()]):
            continue
        if match[0] in {"lost", "gained"} and REGAINED.search(scene.text[: match.start()][-60:]):
            continue
        begin, stop = _reach(scene, matches, place)
        yield from _change(scene, match, said, begin, stop)


def _loses_money(scene: Scene, match: re.Match[str]) -> bool:
    """Whether a company makes a loss: `although revenue doubled, the company still lost $750 million`."""
    numeral = next((n for n in scene.numerals if n.start == match.end() + 1), None)
    near = any(re.fullmatch(r" (?:\w+ )?", scene.text[c.end : match.start()]) for c in scene.companies)
    return match[0] in {"lost", "loses", "losing"} and numeral is not None and numeral.kind is Kind.MONEY and near


def _dates(scene: Scene, match: re.Match[str]) -> bool:
    """Whether the word is no change: a date (`the highest revenue fell in the fourth quarter`) or `the gap widened`."""
    if BETWEEN.search(scene.text[max(0, match.start() - 40) : match.start()]):
        return True
    if match[0] not in {"fell", "falls", "fall"} or not FELL_ON.match(scene.text, match.end()):
        return False
    return FELL_IN.search(scene.text[scene.clause(match.start())[0] : match.start()]) is not None


def _reach(scene: Scene, matches: Sequence[re.Match[str]], place: int) -> tuple[int, int]:
    """Return the range of the sentence that belongs to one of several changes."""
    match = matches[place]
    begin, stop = scene.clause(match.start())
    if place and matches[place - 1].end() > begin:
        begin = matches[place - 1].end()
    if place + 1 < len(matches):
        stop = min(stop, matches[place + 1].start())
    if match[0] in {"up", "down"}:  # `though up on the year, it is below FY2023`
        comma = scene.text.find(", ", match.end(), stop)
        stop = comma if comma > 0 else stop
    return begin, max(stop, match.end())


def _change(scene: Scene, match: re.Match[str], said: Sequence[Amount], begin: int, stop: int) -> Iterator[Ruling]:
    kind = str(match.lastgroup)
    terms = [term for term in about(scene, match) if not _reversed(scene, match, term)]
    amount = None if RESPECTIVELY.search(scene.text) else amount_of(scene, match, said, begin)
    deny = denied(scene, match.start())
    pair = [] if deny or kind == "flat" else _of_values(scene, match, Said("", kind, amount), terms, stop)
    yield from pair
    if any(ruling.true for ruling in pair) and not any(m.start > match.end() for m in scene.periods):
        return  # `halved, from 40% to 20%`: the two values date the change
    base = _base(scene, match)
    if base is not None and not any(term.names == base.names for term in terms):
        yield from _from_figure(scene, match, Said("", kind, amount), terms, base)
        return
    asked = span(scene, match.end(), stop, begin)
    if COPULA.fullmatch(match[0]) and THEN.match(scene.text, match.end()):
        kind = {"up": "down", "down": "up"}.get(kind, kind)  # `was higher the year before`
    alone = match[0] in APART_FROM and not scene.periods
    if (COPULA.fullmatch(match[0]) or alone) and (
        others := {c.owner for c in scene.companies if c.owner} | ({SELF} if any(t.owner for t in terms) else set())
    ):
        yield from _against(scene, match, kind, terms, others)
        return
    if asked.steps is not None and (each := _each(scene, match, terms, kind)):
        yield from each
        amount = None
    for term in terms if kind != "moved" else ():
        when = _own_time(term, asked, stop)
        outcome, ids = change_of(scene, term, when, kind, amount)
        if outcome is False and when == Span():
            outcome, ids = _elsewhere(scene, term, kind, amount) or (outcome, ids)
        if outcome is None:
            continue
        numerals = tuple(n for n in scene.numerals if amount and _touch(n, amount, match))
        yield Ruling(match.start(), match.end(), outcome != deny, ids, numerals)
    if not deny:
        yield from elliptic(scene, match, Said("", kind, amount), asked)


def _reversed(scene: Scene, match: re.Match[str], term: Term) -> bool:
    """Whether a negative figure is said to narrow or widen, which means that it rose or fell."""
    if term.loss or not match[0].startswith(("narrow", "widen", "deepen")):
        return False
    owner = term.owner or SELF
    return any(i.value < 0 for name in term.names for i in scene.figures.find(name, owner, term.period))


def _of_values(scene: Scene, match: re.Match[str], said: Said, terms: Sequence[Term], stop: int) -> Sequence[Ruling]:
    """Check the two values that a change gives: `from 40% to 20%`."""
    both = ends(scene, match, stop)
    return list(from_to(scene, match, said, terms, both)) if both is not None else []


def _own_time(term: Term, asked: Span, stop: int) -> Span:
    """Return the span of a change; its end defaults to the figure's own date."""
    told = term.when is not None and not term.when.relative and term.when.start < stop
    if told and term.period != asked.older and asked.newer is None and asked.steps is None:
        return replace(asked, newer=term.period)
    return asked


def _elsewhere(scene: Scene, term: Term, kind: str, amount: Amount | None) -> Outcome | None:
    """Check over the span of another clause: `doubled in two years, while debt fell by $300 million`."""
    if scene.periods:
        whole = span(scene, 0, len(scene.text))
        outcome, ids = change_of(scene, term, whole, kind, amount)
        if outcome and whole.older is not None:
            return outcome, ids
        for mention in scene.periods[:4]:
            outcome, ids = change_of(scene, term, Span(older=mention.period), kind, amount)
            if outcome and amount is not None:
                return outcome, ids
    over = SPAN.search(scene.text) or BOTH_YEARS.search(scene.text)
    if over is not None and over.re is BOTH_YEARS:
        return change_of(scene, term, Span(years=2), kind, amount)
    return change_of(scene, term, span(scene, over.start(), over.end(), over.start()), kind, amount) if over else None


def _each(scene: Scene, match: re.Match[str], terms: Sequence[Term], kind: str) -> list[Ruling]:
    """Check each amount at its own date: `every year, by 14% in FY2023 and 15% in FY2024`."""
    found: list[Ruling] = []
    for amount in scene.amounts:
        if scene.text[: amount.start].endswith((" to ", " at ")):
            continue
        own = re.match(r"\sin\s", scene.text[amount.end : amount.end + 4])
        when = next((m for m in scene.periods if own and m.start == amount.end + own.end()), None)
        if when is None or amount.start < match.end() or amount.numeral is None:
            continue
        for term in terms:
            outcome, ids = change_of(scene, term, Span(newer=when.period), kind, amount)
            if outcome is not None:
                found.append(Ruling(amount.start, when.end, outcome, ids, (amount.numeral,)))
    return found


def _base(scene: Scene, match: re.Match[str]) -> Term | None:
    """Return the figure at which a change starts: `doubled from its 52-week low`."""
    behind = FROM_FIGURE.match(scene.text, match.end())
    right = scene.after(behind.end()) if behind else None
    return right if right is not None and right.names else None


def _from_figure(scene: Scene, match: re.Match[str], said: Said, terms: Sequence[Term], base: Term) -> Iterator[Ruling]:
    def test(pair: Pair) -> bool | None:
        relative = pair.quotient - 1 if pair.quotient is not None else None
        return is_so(said, Change(pair.difference, pair.quotient, relative))

    for term in terms:
        if term.names == base.names and term.owner == base.owner:
            continue
        outcome, ids = decide(scene.figures, term, base, test)
        if outcome is not None:
            numerals = [n for n in scene.numerals if said.amount and _touch(n, said.amount, match)]
            numerals += [n for n in scene.numerals if n.start > base.end and _reached(scene, term, base, n)]
            yield Ruling(match.start(), base.end, outcome, ids, tuple(numerals))


def _reached(scene: Scene, term: Term, base: Term, numeral: Numeral) -> bool:
    """Whether the number is the end value of a change: `from its high of $32 to $15`."""
    before = scene.text[base.end : numeral.start]
    found = [item for name in term.names for item in scene.figures.find(name, term.owner or SELF)]
    return len(before) < 25 and before.endswith(" to ") and any(fits(numeral, item) for item in found)


def _against(
    scene: Scene, match: re.Match[str], kind: str, terms: Sequence[Term], others: set[str]
) -> Iterator[Ruling]:
    """Check `while its revenue is lower`: next to another company it is a comparison with that company."""
    for term in terms:
        rest = [owner for owner in others if owner != term.owner]
        if len(rest) == 1:
            right = Term(match.end(), match.end(), frozenset(), rest[0])
            outcome, ids = decide(scene.figures, term, right, above if kind == "up" else below)
            if outcome is not None:
                yield Ruling(match.start(), match.end(), outcome != denied(scene, match.start()), ids)


def _touch(numeral: Numeral, amount: Amount, match: re.Match[str]) -> bool:
    """Whether a number is the source of the amount, or part of the verb (`doubled`)."""
    spoken = numeral.start < match.end() and match.start() < numeral.end
    return numeral is amount.numeral or (numeral.start < amount.end and amount.start < numeral.end) or spoken

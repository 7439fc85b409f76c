"""Comparisons of growth: `earnings grew faster than revenue`, `is growing faster than ALFA`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ert_backend.grounding.claims import decide as judged
from ert_backend.grounding.claims.compare import decided
from ert_backend.grounding.claims.decide import Ruling, Test, as_growth
from ert_backend.grounding.claims.known.kinds import GROWTH, SELF
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.sentence.arguments import denied, lefts, unreal
from ert_backend.grounding.claims.sentence.joint import both
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import span
from ert_backend.grounding.claims.words import predicates as words
from ert_backend.grounding.facts import Period

_FELL = r"(?:declines?|increases?|decreases?|rise|fall|growth|drop|contraction|expansion|gain)"
PACE = re.compile(
    rf"\s(?:as (?:fast|quickly|rapidly|much|pronounced|steep|marked|sharp|severe) as"
    rf"(?: (?:the|that of the|that of) (?:{_FELL} (?:in|of))?)?"
    rf"|(?:the|as) (?:rate|pace|speed|growth) of|the \d[\d.]*(?:%| per ?cent| percent) {_FELL} (?:in|of))\s"
)
OF_GROWTH = frozenset(GROWTH.values())


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each such comparison."""
    for match in words.FASTER.finditer(scene.text):
        yield from _faster(scene, match)
    for amount in scene.amounts:
        yield from _times_as_fast(scene, amount)


def _faster(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `earnings grew faster than revenue`, `is growing faster than ALFA`."""
    right = scene.after(match.end())
    if right is None or unreal(scene, match.start()) or (right.numeral is not None and not right.names):
        return
    shrinking = words.SHRINKING.match(match[0]) is not None
    test: Test = judged.above if (match["more"] is not None) != shrinking else judged.below
    test = judged.opposite(test) if denied(scene, match.start()) else test
    for left in lefts(scene, match.start(), right):
        one, two = as_growth(left), as_growth(right)
        asked = span(scene, match.end(), scene.clause(match.start())[1], scene.clause(match.start())[0])
        rates = [rate for term in (left, right) if (rate := _rate(scene, term, asked.older)) is not None]
        known = {"Revenue growth", "Earnings growth"} >= one.names | two.names
        if (
            left.names
            and right.names
            and not (left.names | right.names) & {*GROWTH.values()}
            and (asked.older or not known)
        ):
            if len(rates) == 2:
                faster = (abs(rates[0]) > abs(rates[1])) == (match["more"] is not None)
                yield Ruling(match.start(), right.end, faster != denied(scene, match.start()), ())
            continue
        if not one.names and not two.names:
            one = replace(one, names=frozenset({"Revenue growth"}))
        for other in [two, *both(scene, match.end(), right)[1:]]:
            outcome, ids = decided(scene, one, as_growth(other), test)
            if outcome is not None:
                yield Ruling(match.start(), right.end, outcome, ids)


def _rate(scene: Scene, term: Term, since: Period | None) -> float | None:
    """Return the relative change of a figure from the previous date, or from an earlier one."""
    figures, owner = scene.figures, term.owner or SELF
    if term.names and term.names <= OF_GROWTH:
        return next((i.value for name in sorted(term.names) for i in figures.find(name, owner, term.period)), None)
    for name in sorted(term.names):
        for newer in figures.find(name, owner, term.period if term.period != since else None):
            for older in figures.find(name, owner, since) if since else figures.before(name, owner, newer):
                if older.value > 0:
                    return newer.value / older.value - 1
    return None


def _times_as_fast(scene: Scene, amount: Amount) -> Iterator[Ruling]:
    """Check `rose three times as fast as revenue`, `at five times the pace of revenue`: a ratio of growth."""
    link, right = PACE.match(scene.text, amount.end), scene.after(amount.end)
    if right is not None and right.names and right.names <= OF_GROWTH:
        link = None
    right = scene.after(link.end()) if link else right
    if link is None and (right is None or not right.names or not right.names <= OF_GROWTH or right.numeral):
        return
    spoken = amount.sort is Sort.FACTOR or (
        amount.sort is Sort.SHARE and "%" not in scene.text[amount.start : amount.end]
    )
    if right is None or not right.names or not spoken or unreal(scene, amount.start):
        return
    begin, stop = scene.clause(amount.start)
    asked = span(scene, begin, stop)
    for left in lefts(scene, amount.start, right)[:1]:
        rates = [_rate(scene, term, asked.older) for term in (left, right)]
        if left.names and rates[0] is not None and rates[1]:
            so = amount.holds(rates[0] / rates[1]) != denied(scene, amount.start)
            yield Ruling(amount.start, right.end, so, (), (amount.numeral,) if amount.numeral else ())

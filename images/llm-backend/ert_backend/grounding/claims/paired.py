"""A pair of values after a comparison: `above net income, at $440 million against $351 million`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ert_backend.grounding.claims.decide import OF_GROUP, Ruling, values
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import is_told
from ert_backend.grounding.numerals import Numeral

VERSUS = re.compile(
    r"(?:\s(?:per share|a share|in|for))?,?\s(?:against|versus|vs\.?|compared (?:with|to)|to|and"
    r"|as against|as opposed to)"
    r"\s(?:only\s|just\s|a mere\s|about\s|its\s|the\s|some\s|as much as\s)*"
)
FROM = re.compile(r"\b(?:from|between)\s(?:\w+\s)?$")
MOST = 6


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Match each pair of values, in order, to the two figures, companies or periods before it."""
    for one, two in pairwise(scene.numerals):
        joined = VERSUS.fullmatch(scene.text[one.end : two.start]) and not FROM.search(scene.text[: one.start][-20:])
        if joined and not _taken(scene, one) and not _taken(scene, two):
            yield from _pair(scene, one, two)


def _taken(scene: Scene, numeral: Numeral) -> bool:
    before = (t for t in scene.terms if t.numeral is numeral and t.end <= numeral.start)
    return any(glued(scene.text, t, numeral) and not scene.text[t.end :].startswith(", ") for t in before)


def _pair(scene: Scene, one: Numeral, two: Numeral) -> Iterator[Ruling]:
    wrong: Ruling | None = None
    for left, right in _sides(scene, one.start):
        a = next((i for i in left if is_told(one, i)), None)
        b = next((i for i in right if is_told(two, i)), None)
        if a is not None and b is not None:
            yield Ruling(one.start, two.end, True, (a.id, b.id), (one, two))
            return
        turned = any(is_told(two, i) for i in left) and any(is_told(one, i) for i in right)
        if turned and wrong is None:
            wrong = Ruling(one.start, two.end, False, (left[0].id,))
    if wrong is not None:
        yield wrong


def _sides(scene: Scene, place: int) -> Iterator[tuple[Sequence[Figure], Sequence[Figure]]]:
    """Yield the figures that a pair of values at a place may be, in the order of their names."""
    terms = [t for t in scene.terms if t.end <= place and t.names][-MOST:]
    begin = scene.clause(place)[0]
    near = [t for t in terms if t.start >= begin] or terms
    for left, right in pairwise(near):
        if left.names != right.names or left.owner != right.owner or left.when is not right.when:
            yield _figures(scene, left), _figures(scene, right)
    companies = [c for c in scene.companies if c.end <= place and c.owner not in OF_GROUP][-2:]
    if len(companies) == 2 and near:
        yield tuple(_figures(scene, replace(near[-1], owner=c.owner)) for c in companies)  # type: ignore[misc]
    elif len(companies) == 1 and near and companies[0].owner != SELF:
        pair = (SELF, companies[0].owner) if near[-1].start < companies[0].start else (companies[0].owner, SELF)
        yield tuple(_figures(scene, replace(near[-1], owner=owner)) for owner in pair)  # type: ignore[misc]
    times = [m for m in scene.periods if m.end <= place and not m.event][-2:]
    if near and len(times) == 2:
        yield tuple(_figures(scene, replace(near[-1], when=when)) for when in times)  # type: ignore[misc]
    elif near and len(times) == 1:
        yield _figures(scene, replace(near[-1], when=None)), _figures(scene, replace(near[-1], when=times[0]))


def _figures(scene: Scene, term: Term) -> Sequence[Figure]:
    plain = replace(term, numeral=None)
    return [i for name in sorted(term.names) for i in values(scene.figures, plain, name, term.owner or SELF)]

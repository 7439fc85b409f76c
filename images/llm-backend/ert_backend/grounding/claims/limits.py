"""Comparisons of a figure with a bare number: `a current ratio below one`, `a margin of more than 40%`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ert_backend.grounding.claims.decide import Ruling, values
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import NUMBERS
from ert_backend.grounding.claims.sentence.arguments import denied, lefts, unreal
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import size_in
from ert_backend.grounding.numerals import Numeral

_ABOVE = (
    r"above|over|more than|greater than|higher than|in excess of"
    r"|exceed(?:s|ed|ing)?|cross(?:es|ed|ing)|pass(?:es|ed|ing)|surpass(?:es|ed|ing)|past|br[eo]k(?:e|es|en)? through"
    r"|upwards of|north of|at least"
    r"|no less than|tops?|topped"
)
_BELOW = r"below|under|less than|lower than|fewer than|south of|at most|no more than|beneath|short of|shy of"
SIDE = re.compile(rf"\b(?:(?P<above>{_ABOVE})|(?P<below>{_BELOW}))\s(?:the\s)?(?=\S)")
_NUMBERS = "|".join(sorted(NUMBERS, key=len, reverse=True))
WORD = re.compile(
    rf"(?P<word>zero|unity|parity|{_NUMBERS})(?:\stimes)?"
    r"(?=[\s.,;)]*(?:$|[.,;)]|\sand\s|\sbut\s|\swhile\s|\sin\s(?:fy|20)|\sat\s))"
)
FACTORS = re.compile(r"\s?(?:times\s(?:as|the|that|its|what|more|higher|larger)|of\s|points?\s|higher|lower|x\s)")


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each such comparison; skip a figure that equals the number at its precision."""
    for match in SIDE.finditer(scene.text):
        if unreal(scene, match.start()):
            continue
        above = match["above"] is not None
        if denied(scene, match.start()):
            above = not above
        numeral = next((n for n in scene.numerals if n.start == match.end()), None)
        if numeral is not None and not FACTORS.match(scene.text, numeral.end):
            terms = _of_number(scene, match, numeral)
            yield from _ruled(scene, match, terms, above, numeral)
        elif word := WORD.match(scene.text, match.end()):
            number = {"zero": 0.0, "unity": 1.0, "parity": 1.0}.get(word["word"], NUMBERS.get(word["word"], 0.0))
            yield from _than(scene, match, lefts(scene, match.start(), None), above, float(number))


def _of_number(scene: Scene, match: re.Match[str], numeral: Numeral) -> Sequence[Term]:
    """Return the figure that the number is attached to, or the subject of the sentence."""
    own = [term for term in scene.terms if term.numeral is numeral]
    return own or [
        term
        for term in lefts(scene, match.start(), None)
        if term.numeral in {None, numeral} or glued(scene.text, term, term.numeral)
    ]


def _ruled(
    scene: Scene, match: re.Match[str], terms: Sequence[Term], above: bool, numeral: Numeral
) -> Iterator[Ruling]:
    for term in terms:
        plain = Term(term.start, term.end, term.names, term.owner, term.when)
        found = [i for name in sorted(term.names) for i in values(scene.figures, plain, name, term.owner or SELF)]
        known = [(item, size) for item in found if (size := size_in(item, numeral)) is not None]
        outcomes = [_beyond(size, numeral.value, numeral.tolerance, above) for _, size in known]
        if outcomes and not all(outcome is None for outcome in outcomes):
            true = any(outcome is not False for outcome in outcomes)
            yield Ruling(match.start(), numeral.end, true, (known[0][0].id,), (numeral,) if true else ())


def _beyond(size: float, limit: float, slack: float, above: bool) -> bool | None:
    if abs(size - limit) <= slack:
        return None
    return (size > limit) == above


def _than(scene: Scene, match: re.Match[str], terms: Sequence[Term], above: bool, limit: float) -> Iterator[Ruling]:
    for term in terms:
        found = [i for name in sorted(term.names) for i in values(scene.figures, term, name, term.owner or SELF)]
        sizes = [item for item in found if limit == 0 or item.dimension == "multiple" or item.name == "Beta"]
        if sizes and all(item.value != limit for item in sizes):
            true = any((item.value > limit) == above for item in sizes)
            yield Ruling(match.start(), match.end(), true, (sizes[0].id,))

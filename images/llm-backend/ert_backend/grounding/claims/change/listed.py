"""Changes of several figures in their order: `revenue and net income rose by 5% and 20% respectively`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ert_backend.grounding.claims.change.outcome import change_of
from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.sentence.arguments import LISTED, unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import span
from ert_backend.grounding.claims.words.changes import CHANGE, FACTORS, RESPECTIVELY

BETWEEN = re.compile(r"(?:,|,? and)\s(?:by\s)?(?:about\s|around\s|roughly\s|nearly\s|almost\s|some\s)?")


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each of as many amounts as figures before `respectively`."""
    said = RESPECTIVELY.search(scene.text)
    match = next((m for m in CHANGE.finditer(scene.text) if said and m.end() < said.start()), None)
    if said is None or match is None or unreal(scene, match.start()) or match.lastgroup in {"flat", "moved", *FACTORS}:
        return
    run = [a for a in scene.amounts if match.end() <= a.start < said.start()]
    begin, stop = scene.clause(match.start())
    terms = _listed(scene, match.start())
    texts = [scene.text[one.end : two.start] for one, two in pairwise(run)]
    if not 1 < len(run) == len(terms) or not all(BETWEEN.fullmatch(gap) for gap in texts):
        return
    asked = span(scene, match.end(), stop, begin)
    for term, amount in zip(terms, run, strict=True):
        outcome, ids = change_of(scene, term, asked, str(match.lastgroup), amount)
        if outcome is not None:
            numerals = (amount.numeral,) if amount.numeral else ()
            yield Ruling(amount.start, amount.end, outcome, ids, numerals)


def _listed(scene: Scene, place: int) -> list[Term]:
    """Return the listed figures before a verb, in order."""
    found: list[Term] = []
    for term in (t for t in scene.before(place) if t.names):
        if found and not LISTED.fullmatch(scene.text[term.end : found[0].start]):
            break
        found.insert(0, term)
    return found

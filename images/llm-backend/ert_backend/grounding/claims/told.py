"""Numbers that stand right at the name of their figure, whatever else the sentence compares it with. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ert_backend.grounding.claims.decide import Ruling, values
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import is_told
from ert_backend.grounding.claims.words.predicates import EXPECTED


def rulings(scene: Scene) -> Iterator[Ruling]:
    """What is so; a number that is none of its figure's is left to the numbers check."""
    for term in scene.terms:
        numeral = term.numeral
        if numeral is None or not (term.start == numeral.start or glued(scene.text, term, numeral)):
            continue
        ahead = frozenset(f"Forward {name[0].lower()}{name[1:]}" for name in term.names if EXPECTED.search(scene.text))
        plain = Term(term.start, term.end, term.names, term.owner, term.when)
        found = [i for name in sorted(term.names | ahead) for i in values(scene.figures, plain, name, term.owner or SELF)]
        right = next((item for item in found if is_told(numeral, item)), None)
        if right is not None:
            yield Ruling(numeral.start, numeral.end, True, (right.id,), (numeral,))

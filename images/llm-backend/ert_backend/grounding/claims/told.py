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
    if EXPECTED.search(scene.text):
        yield from _expected(scene)
    for term in scene.terms:
        numeral = term.numeral
        if numeral is None or not (term.start == numeral.start or glued(scene.text, term, numeral)):
            continue
        plain = Term(term.start, term.end, term.names, term.owner, term.when)
        found = [i for name in sorted(term.names) for i in values(scene.figures, plain, name, term.owner or SELF)]
        right = next((item for item in found if is_told(numeral, item)), None)
        if right is not None:
            yield Ruling(numeral.start, numeral.end, True, (right.id,), (numeral,))


def _expected(scene: Scene) -> Iterator[Ruling]:
    """`is expected to rise to $1.65`: what is forecast of a figure that is named."""
    ahead = {f"Forward {name[0].lower()}{name[1:]}" for term in scene.terms for name in term.names}
    items = [i for name in sorted(ahead) for i in scene.figures.find(name, SELF)]
    for numeral in scene.numerals:
        for item in items:
            if is_told(numeral, item) and scene.text[: numeral.start].endswith((" to ", " at ", " of ", " reach ")):
                yield Ruling(numeral.start, numeral.end, True, (item.id,), (numeral,))

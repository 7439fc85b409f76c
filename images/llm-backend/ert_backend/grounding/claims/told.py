"""Numbers that stand right at the name of their figure, whatever else the sentence compares it with. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ert_backend.grounding.claims.decide import Ruling, fits, values
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term


def rulings(scene: Scene) -> Iterator[Ruling]:
    """What is so; a number that is none of its figure's is left to the numbers check."""
    for term in scene.terms:
        numeral = term.numeral
        if numeral is None or not (term.start == numeral.start or glued(scene.text, term, numeral)):
            continue
        plain = Term(term.start, term.end, term.names, term.owner, term.when)
        found = [i for name in sorted(term.names) for i in values(scene.figures, plain, name, term.owner or SELF)]
        right = next((i for i in found if fits(numeral, i) and _alike(numeral.currency, i.dimension)), None)
        if right is not None and (not numeral.signed or (numeral.value < 0) == (right.value < 0)):
            yield Ruling(numeral.start, numeral.end, True, (right.id,), (numeral,))


def _alike(currency: str | None, dimension: str) -> bool:
    """Money is told of money in its currency, and of nothing else."""
    money = dimension.startswith(("money", "per share"))
    if currency is None:
        return not money
    return money and (currency == dimension.rpartition(" ")[2] or (currency == "$" and dimension.endswith(" USD")))

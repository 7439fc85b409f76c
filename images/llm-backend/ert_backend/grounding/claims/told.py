"""Values attached to the name of their figure, regardless of any comparison in the sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_backend.grounding.claims.decide import Ruling, values
from ert_backend.grounding.claims.known.following import OF_A_DAY
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import is_told, size_in
from ert_backend.grounding.claims.words.predicates import EXPECTED
from ert_backend.grounding.numerals import Kind, Numeral

EQUALS = re.compile(
    r"s?\s(?:(?:then|now|still|thus|only|just|again)\s)*(?:is|was|are|were|comes? to|came to|amounts? to|amounted to"
    r"|stands at|stood at|totals|totalled|equals|equalled|reached|works out at|worked out at"
    r"|leaves (?:\w+ )?(?:with )?a (?:surplus|cushion|balance) of)\s"
    r"(?:(?:about|around|roughly|nearly|almost|some|just|only|approximately|a|mere|over|under)\s)*"
)


# A position that is of the other sign has the other name.
NET = frozenset({"Net debt", "Net cash"})


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Yield a true `Ruling` for each match, and a false one for a mismatch with a figure of a day."""
    if EXPECTED.search(scene.text):
        yield from _expected(scene)
    for term in scene.terms:
        numeral = term.numeral
        if numeral is None and (is_at := EQUALS.match(scene.text, term.end)):
            numeral = next((n for n in scene.numerals if n.start == is_at.end()), None)
        equal = numeral is not None and _equals(scene.text, term, numeral)
        if numeral is None or not (term.start == numeral.start or equal or glued(scene.text, term, numeral)):
            continue
        plain = Term(term.start, term.end, term.names, term.owner, term.when)
        found = [i for name in sorted(term.names) for i in values(scene.figures, plain, name, term.owner or SELF)]
        right = next((item for item in found if is_told(numeral, item)), None)
        if right is not None and right.value < 0 and term.names <= NET and not numeral.signed:
            yield Ruling(numeral.start, numeral.end, False, (right.id,))
            continue
        if right is not None:
            yield Ruling(numeral.start, numeral.end, True, (right.id,), (numeral,))
        elif equal and term.names == frozenset({"Net debt"}) and _is_never(scene, term, numeral):
            yield Ruling(numeral.start, numeral.end, False, (found[0].id,) if found else ())
        elif not equal and numeral.kind is Kind.MONEY and len(term.names) == 1 and _is_none(scene, term, numeral):
            yield Ruling(numeral.start, term.end, False, (found[0].id,) if found else ())


def _equals(text: str, term: Term, numeral: Numeral) -> bool:
    """Whether the text says that the figure is the number: `debt less cash comes to $3 billion`."""
    found = EQUALS.match(text, term.end)
    return found is not None and found.end() == numeral.start


def _is_never(scene: Scene, term: Term, numeral: Numeral) -> bool:
    """Whether an amount is the net debt of no date."""
    items = scene.figures.known.get((term.owner or SELF, "Net debt"), ())
    amount = next((a for a in scene.amounts if a.numeral is numeral), None)
    sizes = [size for item in items if (size := size_in(item, numeral)) is not None]
    return numeral.kind is Kind.MONEY and amount is not None and bool(sizes) and not any(map(amount.holds, sizes))


def _is_none(scene: Scene, term: Term, numeral: Numeral) -> bool:
    """Whether a number is written as a figure of a day without matching any: `a high of $41`."""
    name = min(term.names)
    items = [i for (_, called), known in scene.figures.known.items() if called == name for i in known]
    amount = next((a for a in scene.amounts if a.numeral is numeral), None)
    if name not in OF_A_DAY or not items or amount is None or unreal(scene, numeral.start):
        return False
    return not any(amount.holds(size) for i in items if (size := size_in(i, numeral)) is not None)


def _expected(scene: Scene) -> Iterator[Ruling]:
    """Check `is expected to rise to $1.65` as the forecast of the named figure."""
    ahead = {f"Forward {name[0].lower()}{name[1:]}" for term in scene.terms for name in term.names}
    items = [i for name in sorted(ahead) for i in scene.figures.find(name, SELF)]
    for numeral in scene.numerals:
        for item in items:
            if is_told(numeral, item) and scene.text[: numeral.start].endswith((" to ", " at ", " of ", " reach ")):
                yield Ruling(numeral.start, numeral.end, True, (item.id,), (numeral,))

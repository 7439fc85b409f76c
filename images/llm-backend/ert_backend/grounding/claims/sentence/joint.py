"""Both parts of a joint standard of comparison: `above both ALFA and BETA`."""

from __future__ import annotations

import re

from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.arguments import denied
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words import predicates as words


def both(scene: Scene, place: int, right: Term) -> list[Term]:
    """Return both parts of `above both ALFA and BETA`, `below its 50-day and its 200-day average`, unless negated."""
    found, listed = [right], False
    each = words.BOTH.match(scene.text, place) is not None
    while len(found) < 4 and not denied(scene, place):
        last = found[-1]
        joint = words.AND.match(scene.text, max(last.end, last.numeral.end if last.numeral else 0))
        other = scene.after(joint.end()) if joint else None
        if (
            other is None
            or (joint is not None and re.search(r"\w+ing\s", scene.text[joint.end() - 1 : other.start]))
            or (other.numeral is not None and not other.names)
            or not (each or _alike(scene, right, other))
        ):
            break
        found.append(other)
        listed = listed or joint is None or joint[0].strip() != ","
    rest = scene.text[found[-1].end :]
    ends = (
        len(found) == 1
        or each
        or re.match(r"s?(?:\s(?:alike|too|as well))?\s*(?:[.,;:)]|$|(?:in|at|on|by|for)\s)", rest)
    )
    return found if ends and (listed or each) else [right]


def _alike(scene: Scene, one: Term, two: Term) -> bool:
    """Whether two list items are of the same type: figures of one dimension, or companies."""
    if not one.names or not two.names:
        return not one.names and not two.names and one.owner is not None and two.owner is not None
    kinds = [
        {i.dimension for name in t.names for i in scene.figures.find(name, t.owner or SELF, t.period)}
        for t in (one, two)
    ]
    return bool(kinds[0] & kinds[1])

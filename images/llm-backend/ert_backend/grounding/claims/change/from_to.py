"""Changes given as a pair of values: `from $9 billion to $8 billion`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ert_backend.grounding.claims.change.size import Said, upward
from ert_backend.grounding.claims.decide import Ruling, fits
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Amount
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import size_in
from ert_backend.grounding.claims.words.changes import FACTORS, LOSS
from ert_backend.grounding.numerals import Kind, Numeral


def ends(scene: Scene, match: re.Match[str], stop: int) -> tuple[Amount, Amount] | None:
    """Return the older and the newer value of `from A to B`."""
    said = [a for a in scene.amounts if a.numeral and match.end() <= a.start < stop][:3]
    source = target = None
    for amount in said:
        before = scene.text[match.end() : amount.start]
        if any(scene.text[amount.end : c.start] in {" for ", " at ", " of "} for c in scene.companies):
            continue
        if re.search(r"\b(?:from|against|compared with|versus|compared to)\s(?:the\s|a\s|about\s|minus\s)*$", before):
            source = source or amount
        elif re.search(r"\b(?:to|reach(?:ing)?|at)\s(?:just\s|about\s|only\s|minus\s|a\s)*$", before):
            target = target or amount
    if source is not None and target is None:
        earlier = [a for a in scene.amounts if a.numeral and a.end <= match.start()][-1:]
        target = (
            earlier[0]
            if earlier and earlier[0].sort is source.sort and len(scene.text[earlier[0].end : match.start()]) < 25
            else None
        )
    return (source, target) if source is not None and target is not None else None


def from_to(
    scene: Scene, match: re.Match[str], said: Said, terms: Sequence[Term], both: tuple[Amount, Amount]
) -> Iterator[Ruling]:
    """Check that the two values match the direction of the change and that the first one is the earlier."""
    source, target = both
    one, two = source.numeral, target.numeral
    assert one is not None
    assert two is not None
    if one.kind is not two.kind or one.value == two.value:
        return
    names = {name for term in terms for name in term.names}
    losses = any(LOSS.search(scene.text[t.start : t.end]) for t in terms)
    before, after = _signed(scene, one), _signed(scene, two)
    rise = (after > before) if before >= 0 and after >= 0 else (after > before) != losses
    up = upward(Said(next(iter(sorted(names)), ""), said.kind, None, losses))
    factor = said.kind in FACTORS and said.amount is not None and before > 0 < after
    wrong = factor and said.amount is not None and not said.amount.holds(after / before)
    if (up is not None and up != rise) or wrong:
        yield Ruling(match.start(), target.end, False, ())
        return
    for term in terms:
        for name in sorted(term.names):
            items = scene.figures.known.get((term.owner or SELF, name), ())
            told = [i for i in items if size_in(i, one) is not None and size_in(i, two) is not None]
            if len(names) == 1 and len(told) > 1 and one.kind is Kind.MONEY and _unlike(told, (one, two)):
                yield Ruling(match.start(), target.end, False, (told[0].id,))
                return
            old = [i for i in items if fits(one, i) and i.period and i.period.year]
            new = [i for i in items if fits(two, i) and i.period and i.period.year]
            if old and new:
                right = any(_earlier(a, b) for a in old for b in new)
                yield Ruling(match.start(), target.end, right, (old[0].id, new[0].id), (one, two) if right else ())


def _signed(scene: Scene, numeral: Numeral) -> float:
    """Return the value with the sign that `minus` or `negative` gives it."""
    minus = re.search(r"\b(?:minus|negative)\s$", scene.text[: numeral.start][-10:])
    return -abs(numeral.value) if minus else numeral.value


def _unlike(items: Sequence[Figure], ends: Sequence[Numeral]) -> bool:
    """Whether an end of a change is not a value of its figure."""
    return not all(any(fits(numeral, item) for item in items) for numeral in ends)


def _earlier(old: Figure, new: Figure) -> bool:
    a, b = old.period, new.period
    if a is None or b is None:
        return True
    if bool(a.quarter) != bool(b.quarter):
        return False
    return (a.year or 0, a.quarter or 0) < (b.year or 0, b.quarter or 0)

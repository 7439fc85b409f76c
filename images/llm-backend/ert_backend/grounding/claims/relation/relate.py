"""Matches each remaining number with a ratio, difference, change, sum or mean of the sentence's figures.

The other modules of `claims` match by keyword; this one by arithmetic only. A number attached to the name of a figure
is that figure's own value and is never matched here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ert_backend.grounding.claims.decide import Ruling, values
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.relation.arithmetic import Result, results
from ert_backend.grounding.claims.relation.every import of_every
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sizes import is_told, size_in
from ert_backend.grounding.claims.words.relations import AGAINST, JOINTLY, RELATING

MOST = 10
# `the decline in cash ($1 billion)`: the size of a change and not a value.
CHANGE_OF = re.compile(
    r"\b(?:repayment|decline|increase|reduction|rise|fall|growth|decrease|drop) (?:of|in) (?:the )?$"
)
# Figures that share the id of a source figure.
FOLLOWING = frozenset(
    {"Net debt", "Net cash", "Equity", "Interest cover", "Dividend cover", "Net debt to EBITDA", "Debt to EBITDA"}
)
# Maximum relative distance of a value from its bound (`more than a fifth`).
NEAREST, FARTHEST, LOOSE = 0.75, 1.4, 0.07


def rulings(scene: Scene, told: Collection[str]) -> Iterator[Ruling]:
    """Yield a `Ruling` for each match; `told`: ids of the figures whose value is written in the sentence."""
    asked = [a for a in scene.amounts if a.numeral and not unreal(scene, a.start)][:MOST]
    if not asked:
        return
    named = {name for term in scene.terms for name in term.names}
    every = (i for items in scene.figures.known.values() for i in items if i.id in told)
    known = [item for item in every if item.name in named or (item.current and item.name not in FOLLOWING)]
    found: list[Result] | None = None
    for amount in asked:
        numerals = (amount.numeral,) if amount.numeral else ()
        if (item := _other(scene, amount, known, told)) is not None:
            yield Ruling(amount.start, amount.end, True, (item.id,), numerals)
        yield from of_every(scene, amount, known)
        if _is_own(scene, amount):
            continue
        found = results(scene, known) if found is None else found
        right = next((r for r in found if amount.sort in r.sorts and _gives(amount, r.value)), None)
        if right is not None:
            yield Ruling(amount.start, amount.end, True, right.ids, numerals)


def _gives(amount: Amount, value: float) -> bool:
    """Whether a value matches the amount, with less tolerance for `about` than between two named figures."""
    if amount.low > 0 and amount.high < float("inf") and amount.numeral is not None:
        step = amount.numeral.tolerance * (0.01 if amount.sort in {Sort.SHARE, Sort.POINTS} else 1)
        room = max(LOOSE * amount.value, step if amount.low < amount.value < amount.high else 0.0)
        return amount.holds(value) and abs(value - amount.value) <= room
    return amount.holds(value) and NEAREST * amount.value <= value <= FARTHEST * amount.value


def _is_own(scene: Scene, amount: Amount) -> bool:
    """Whether a number is the figure's own value and not the difference or ratio of two."""
    numeral = amount.numeral
    if amount.sort is Sort.MONEY and JOINTLY.search(scene.text):
        return False
    for term in scene.terms:
        if numeral is None or term.numeral is not numeral:
            continue
        own = any(
            size_in(item, numeral) is not None
            for name in term.names
            for item in values(scene.figures, term, name, term.owner or SELF)
        )
        if CHANGE_OF.search(scene.text[max(0, term.start - 24) : term.start]):
            continue
        if own and amount.sort is not Sort.POINTS and (glued(scene.text, term, numeral) or not _relates(scene, amount)):
            return True
    return False


def _relates(scene: Scene, amount: Amount) -> bool:
    before, behind = scene.text[max(0, amount.start - 110) : amount.start], scene.text[amount.end : amount.end + 40]
    return RELATING.search(before) is not None or RELATING.search(behind) is not None


def _other(scene: Scene, amount: Amount, known: Sequence[Figure], told: Collection[str]) -> Figure | None:
    """Return the figure of another company that a number refers to: `$2 billion against $1 billion`."""
    if AGAINST.search(scene.text[max(0, amount.start - 110) : amount.start]) is None:
        return None
    owners = {company.owner or SELF for company in scene.companies[:8]}
    others = (
        other
        for item in known[:8]
        for owner in sorted(owners - {item.owner})
        for other in scene.figures.find(item.name, owner)[:1]
        if other.id not in told
    )
    return next((item for item in others if amount.numeral and is_told(amount.numeral, item)), None)

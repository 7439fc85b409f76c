"""Changes whose verb is left out: `revenue rose 5%, net income 57% and free cash flow 50%`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_backend.grounding.claims.change.outcome import change_of
from ert_backend.grounding.claims.change.size import Said
from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.sentence.amounts import Amount
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import Span
from ert_backend.grounding.claims.words.changes import ECHO

JOINED = re.compile(r"(?: in \w+)?(?:,|,? and|,? while|,? but) (?:its |the |that of )?")
BY = re.compile(
    r"s? (?:by )?(?:about |around |roughly |nearly |almost |some |just |only |over |under |more than |less than |an? )*"
)
MOST = 4


def elliptic(scene: Scene, match: re.Match[str], said: Said, asked: Span) -> Iterator[Ruling]:
    """Check the further subjects of a change: `and so did debt`, or each figure with an amount of its own."""
    if said.amount is None:
        echo = ECHO.search(scene.text, match.end())
        term = scene.after(echo.end()) if echo else None
        if term is not None and term.names:
            outcome, ids = change_of(scene, term, asked, said.kind, None)
            if outcome is not None:
                yield Ruling(match.start(), term.end, outcome, ids)
    elif said.amount.start >= match.end():
        for term, amount in _listed(scene, said.amount.end):
            outcome, ids = change_of(scene, term, asked, said.kind, amount)
            if outcome is not None:
                yield Ruling(term.start, amount.end, outcome, ids, (amount.numeral,) if amount.numeral else ())


def _listed(scene: Scene, place: int) -> Iterator[tuple[Term, Amount]]:
    """Yield each figure from a position on with its amount, as long as nothing else is between."""
    for term in [t for t in scene.terms if t.start >= place][:MOST]:
        amount = next((a for a in scene.amounts if a.start >= term.end), None)
        if amount is None or not term.names or not JOINED.fullmatch(scene.text[place : term.start]):
            return
        after = scene.text[amount.end :][:5]
        if not BY.fullmatch(scene.text[term.end : amount.start]) or re.match(r" (?:of|as|the) ", after):
            return
        yield term, amount
        place = amount.end

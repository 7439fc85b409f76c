"""Decides whether a figure changed as described, over every reading of its name."""

from __future__ import annotations

from ert_backend.grounding.claims.change.size import Change, Said, holds, is_so
from ert_backend.grounding.claims.decide import Outcome
from ert_backend.grounding.claims.known.kinds import GROWTH, SELF
from ert_backend.grounding.claims.sentence.amounts import Amount
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import Span, couples
from ert_backend.grounding.claims.words.changes import LOSS


def change_of(scene: Scene, term: Term, asked: Span, kind: str, amount: Amount | None) -> Outcome:
    """Return whether a figure changed as described within the requested span, and the ids used; None if unknown."""
    owner, outcomes = term.owner or SELF, []
    ids: tuple[str, ...] = ()
    inverse = LOSS.search(scene.text[term.start : term.end]) is not None
    for name in sorted(term.names):
        found, every = couples(scene.figures, name, owner, asked)
        results = [holds(Said(name, kind, amount, inverse), old, new) for old, new in found]
        ids = ids or tuple(dict.fromkeys(figure.id for pair in found[:1] for figure in reversed(pair)))
        known = [result for result in results if result is not None]
        if every and known:
            outcomes.append(all(known))
        else:
            outcomes += known
        if not every and _of_growth(scene, asked):
            outcomes += _by_growth(scene, Said(name, kind, amount), owner)
    outcome = None if not outcomes else any(outcomes)
    return outcome, ids


def _of_growth(scene: Scene, asked: Span) -> bool:
    """Whether the growth in the request is of this span: the newest year against the one before."""
    newest = asked.newer is None or asked.newer.year == scene.figures.latest.year
    whole = asked.newer is None or asked.newer.quarter is None
    back = asked.older is None or (scene.figures.latest.year or 0) - 1 == asked.older.year
    return newest and whole and back and not asked.quarterly and asked.years is None and asked.steps is None


def _by_growth(scene: Scene, said: Said, owner: str) -> list[bool]:
    found = scene.figures.find(GROWTH.get(said.name, ""), owner)
    results = (is_so(said, Change(item.value, 1 + item.value, item.value)) for item in found)
    return [result for result in results if result is not None]

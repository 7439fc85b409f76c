"""The position of a figure among others: `closer to its low than to its high`, `between ALFA and BETA`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.arguments import denied, lefts
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words import predicates as words


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each such position."""
    for match in words.CLOSER.finditer(scene.text):
        yield from _closer(scene, match)
    for match in words.NEVER_THAN.finditer(scene.text):
        yield from _never(scene, match)


def _closer(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `closer to its 52-week low than to its high`."""
    one = scene.after(match.end())
    if one is None or len(one.names) != 1:
        return
    side = words.THAN_SIDE.match(scene.text, one.end)
    two = scene.after(side.start("side") if side["side"] else side.end()) if side else None
    names = two.names if two is not None else frozenset()
    if side and side["side"] and not names:
        names = frozenset({"52-week high" if side["side"] in {"high", "top", "peak"} else "52-week low"})
    left = [term for term in lefts(scene, match.start(), one) if term.names]
    subject = (
        left[0]
        if left
        else Term(match.start(), match.start(), frozenset({"Share price"}), scene.subject(match.start()))
    )
    values = [_only(scene, name, subject) for found in (subject.names, one.names, names) for name in sorted(found)]
    if len(values) != 3 or any(value is None for value in values):
        return
    mine, near, far = (value or 0.0 for value in values)
    true = abs(mine - near) < abs(mine - far)
    yield Ruling(match.start(), one.end, true != denied(scene, match.start()), ())


def _only(scene: Scene, name: str, subject: Term) -> float | None:
    found = scene.figures.find(name, subject.owner or SELF)
    return found[0].value if found else None


def _never(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check that no figure of that name breaks `at no point was debt lower than in FY2024`."""
    near = [t for t in scene.terms if t.end <= match.end() and t.names][-1:]
    when = next((m for m in scene.periods if m.start >= match.end()), None)
    for name in (name for term in near for name in sorted(term.names)[:2]):
        owner = near[0].owner or SELF
        by_quarter = when is not None and when.period.quarter is not None
        series = scene.figures.quarters(name, owner) if by_quarter else scene.figures.series(name, owner)
        mine = scene.figures.find(name, owner, when.period if when else None)
        if mine and len(series) > 1:
            beyond = [i for i in series if (i.value > mine[0].value if match["more"] else i.value < mine[0].value)]
            yield Ruling(match.start(), match.end(), not beyond, (mine[0].id,))
            return

"""The subject of a predicate, whether it is negated, and whether it is hypothetical."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words.predicates import DENIED, UNREAL

# A figure after these is an object or a standard of comparison, not the subject.
OBJECT = re.compile(
    r"\b(?:on|than|against|versus|with|above|below|under|beneath|shy of|short of|off|exceeds?|exceeded|to|over"
    r"|from|by|per"
    r"|(?:half|third|thirds|quarter|quarters|fifth|fifths|sixth|tenth|tenths|share|percentage|percent|%|part"
    r"|most|much) of|% of|\d(?:\.\d+)? times|\d x|\dx|times)"
    r"\s+(?:(?:the|its|their|a|total|that|of|annual|in)\s+)*$"
)
PART = re.compile(
    r"(?:\b(?:half|third|thirds|quarter|quarters|fifth|fifths|sixth|seventh|eighth|ninth|tenth|tenths|twentieth)"
    r"|%|percent|per cent) of"
    r"\s+(?:(?:the|its|their|a|total|annual)\s+)*$"
)
LISTED = re.compile(r"s?(?:,|,? and|,? or|,? nor)\s(?:its\s|the\s|\w+\s)?")
FINITE = re.compile(r"\b(?:is|are|was|were|has|have|had|covers?|exceeds?|stands?|fell|rose|grew)\b")
NEITHER = re.compile(r"\bneither\s[^,;]{1,30}\snor\s[^,;]{1,30}$")
JOINED = re.compile(r"s?,? (?:and|or|nor)\s(?:its\s|the\s|\w+\s)?")


def unreal(scene: Scene, place: int) -> bool:
    """Whether the predicate is hypothetical (may, ought to, would) and so no statement of fact."""
    begin, _ = scene.clause(place)
    return UNREAL.search(scene.text[max(begin, place - 90) : place]) is not None


def denied(scene: Scene, place: int) -> bool:
    """Whether the text right before a position negates the predicate."""
    before = scene.text[max(0, place - 60) : place]
    return DENIED.search(before) is not None or NEITHER.search(before) is not None


def _bracketed(text: str, term: Term, place: int) -> bool:
    """Whether a figure is in brackets that close before the predicate."""
    opened = text.rfind("(", max(0, term.start - 80), term.start)
    closed = text.find(")", term.end, place)
    return opened >= 0 and closed >= 0 and ")" not in text[opened : term.start]


def lefts(scene: Scene, place: int, right: Term | None) -> Sequence[Term]:
    """Return the subject at a position: the nearest figure before it that is no object, with those listed with it."""
    begin, _ = scene.clause(place)
    found: list[Term] = []
    for term in scene.before(place):
        if _bracketed(scene.text, term, place):
            continue
        if right is not None and term.start <= right.start < term.end:
            continue
        if found:
            joint = JOINED if len(found) == 1 else LISTED
            if not joint.fullmatch(scene.text[term.end : found[-1].start]):
                break
            if term.start < begin and FINITE.search(scene.text[scene.clause(term.start)[0] : term.start]):
                break
            found.append(term)
        elif not OBJECT.search(scene.text[max(begin, term.start - 30) : term.start]) and term.start >= begin:
            found.append(term)
    if found:
        return found
    before = [t for t in scene.before(place) if not PART.search(scene.text[max(begin, t.start - 30) : t.start])]
    rest = [term for term in before if term.start >= begin] or before[-1:]
    if rest:
        return rest[:1]
    return [Term(place, place, owner=scene.subject(place))]

"""Figures that are said to be absent: `no free cash flow left`, `no quarterly loss at any point`, `nil debt`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ert_backend.grounding.claims.decide import OF_GROUP, Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words.signs import SPARED

BALANCES = frozenset({"Total debt", "Dividends", "Interest expense", "Revenue"})
RESULTS = frozenset(
    {"Gross profit", "Operating income", "Net income", "EBITDA", "Free cash flow", "Operating cash flow"}
)
NO = re.compile(
    r"\b(?:no|zero|nil|hasn't an?|has not an?|had not an?|without (?:any|an?)(?: single)?|not a single"
    r"|not a (?:dollar|cent|penny|euro|pound|single \w+) of|free of(?: any| all)?)\s"
    r"(?:(?:positive|quarterly|annual|net|single|reported|yearly|such)\s)*$"
)
BEHIND = re.compile(
    r"s?(?:\s(?:left|in|at|was|were|is|are|has been|had|against|to (?:speak|its name|show)|whatsoever|remain\w*"
    r"|on|of any|during"
    r"|for|over|throughout|over)\b|\s*[.,;]|\s*$)"
)
NEGATED = re.compile(r"\b(?:not|never|hardly|scarcely|anything but|far from|by no means|means)\b|n't\b(?! an?\s)")
DOUBLE = re.compile(r"\b(?:no|none|nor|not|never)\b[^,;]*\bwithout\s(?:an?\s|any\s)?$")
ABSENT = re.compile(r"s?\s(?:is|was|are|were|remain(?:s|ed)?|has been)\s(?:still\s|wholly\s|entirely\s)?absent\b")
SOME = re.compile(r"\bonly\b|\b(?:first|other|last|remaining) (?:two|three)\b(?! (?:\w+ )?(?:years|quarters))")
QUARTERS = re.compile(r"\bquarter(?:s|ly)?\b")
ANY = re.compile(r"\b(?:any|at no|throughout|all|each|every|quarterly|ever)\b")


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each figure right after `no`; growth, margins and the like of a figure are other figures."""
    if SPARED.search(scene.text) or SOME.search(scene.text):
        return
    for term in scene.terms[:8]:
        said = NO.search(scene.text[max(0, term.start - 40) : term.start])
        absent = ABSENT.match(scene.text, term.end) is not None
        if absent and not NEGATED.search(scene.text[max(0, term.start - 40) : term.start]):
            yield from _ruled(scene, term)
        if said is None or term.numeral is not None or not BEHIND.match(scene.text, term.end):
            continue
        if DOUBLE.search(scene.text[max(0, term.start - 90) : term.start]):
            continue
        before = scene.text[max(0, term.start - 70) : term.start][: -len(said[0])]
        if unreal(scene, term.start) or NEGATED.search(before) or (term.owner or SELF) in OF_GROUP:
            continue
        yield from _ruled(scene, term)


def _ruled(scene: Scene, term: Term) -> Iterator[Ruling]:
    outcomes: list[bool] = []
    ids: tuple[str, ...] = ()
    for name in sorted(term.names & (BALANCES | RESULTS)):
        items = _figures(scene, term, name)
        if not items:
            continue
        if term.loss:
            outcomes.append(all(item.value >= 0 for item in items))
        elif name in BALANCES:
            outcomes.append(all(item.value == 0 for item in items))
        else:
            outcomes.append(all(item.value <= 0 for item in items))
        ids = ids or (items[-1].id,)
    if outcomes and (any(outcomes) or len(term.names) == len(outcomes)):
        yield Ruling(term.start, term.end, any(outcomes), ids)


def _figures(scene: Scene, term: Term, name: str) -> Sequence[Figure]:
    """Return the figures of the date, or those of every quarter or year that the sentence covers."""
    owner, year = term.owner or SELF, next((m.period.year for m in scene.periods if m.period.year), None)
    if ANY.search(scene.text):
        if QUARTERS.search(scene.text):
            return scene.figures.quarters(name, owner, year)
        if year is None:
            return scene.figures.series(name, owner)
    return scene.figures.find(name, owner, term.period)

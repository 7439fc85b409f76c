"""Inverted ownership: `the net margin of 10% is ALFA's`, `it is ALFA that pays 6%`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ert_backend.grounding.claims.decide import OF_GROUP, Ruling, values
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import is_told, size_in
from ert_backend.grounding.numerals import Numeral

_BY = (
    r"(?:reported|posted|earned|made|generated|achieved|recorded|booked|held|carried|owed|paid|shown|suffered|incurred"
    r"|delivered|produced|employed|offered|claimed|taken|run|enjoyed)"
)
# Between the figure and its company.
BELONGS = re.compile(
    r"s?(?:,? (?:not|and not) \S+,?)?(?: in (?:the )?\S+)?,? (?:is|was|are|were|belongs?"
    r"|belonged|sits?|lies?|rests?|goes|comes|came)\s?"
    rf"(?:only |in fact |actually |instead |also |here )*(?:{_BY} by|that of|those of|the one of|what"
    r"|on offer (?:at|from)|to be found at|to be had at|found at|seen at|available at"
    rf"|to|with|from|of|at|for)?\s?"
    r"(?:the )?"
)
# Between the company and the figure.
CLEFT = re.compile(
    r"(?:,? (?:and )?(?:not|rather than|instead of|unlike)(?: by)? [^,;]{1,40},?"
    r"| alone)?,? (?:that|which|who|is the (?:company|one|bank|firm|name|stock"
    r"|peer|business|\w+) (?:with|that|which|to)|with)\s[^,;]{0,30}"
)
IT_IS = re.compile(
    r"(?:^|[,;] |\b(?:while|whereas|but|and) )it (?:is|was) (?:only |in fact |actually |rather )?(?:the )?$"
)
ROLE = re.compile(r"\s(?:with|that|which)\s")
NOT = re.compile(r"\b(?:not|rather than|instead of|unlike|than|nor)\s(?:by\s|of\s|that of\s|the\s|at\s|with\s|to\s)*$")
AT = re.compile(r"(?:^|\s)(?:at|with)\s$")
THE_ONE = re.compile(
    r"\b(?:one|company|bank|firm|name|stock|peer|business|member|\w+er) (?:with|that \w+|which \w+)\s(?:\S+\s){0,3}$"
)


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each value that the sentence assigns to a company."""
    if not scene.companies:
        return
    for term in scene.terms:
        numeral = term.numeral
        if numeral is None or not _stands_at(scene.text, term, numeral) or unreal(scene, term.start):
            continue
        owner = _owner(scene, term)
        if owner is None or owner in OF_GROUP:
            continue
        plain = replace(term, numeral=None)
        items = [i for name in sorted(term.names) for i in values(scene.figures, plain, name, owner)]
        known = [item for item in items if size_in(item, numeral) is not None]
        if known:
            right = next((item for item in known if is_told(numeral, item)), None)
            ids = ((right or known[0]).id,)
            yield Ruling(min(term.start, numeral.start), term.end, right is not None, ids, (numeral,) if right else ())


def _stands_at(text: str, term: Term, numeral: Numeral) -> bool:
    return glued(text, term, numeral) or text[numeral.end : term.start] in {" ", " of "}


def _owner(scene: Scene, term: Term) -> str | None:
    """Return the company that the text around a figure assigns it to; None if there is none."""
    text, numeral = scene.text, term.numeral
    end = max(term.end, numeral.end if numeral else 0)
    start = min(term.start, numeral.start if numeral else term.start)
    said = [c for c in scene.companies if not NOT.search(text[max(0, c.start - 30) : c.start])]
    behind = next((c for c in said if c.start >= end), None)
    if behind is not None:
        gap = text[end : behind.start]
        if BELONGS.fullmatch(gap) and (_owns(text, behind) or not gap.endswith((" is ", " was ", " are ", " were "))):
            return behind.owner or SELF
        if THE_ONE.search(text[max(0, start - 60) : start]) and re.fullmatch(r"s? (?:is|was|are) (?:the )?", gap):
            return behind.owner or SELF
    before = next((c for c in reversed(said) if c.end <= start and not ROLE.match(text, c.end)), None)
    if before is not None and CLEFT.fullmatch(text[before.end : start]):
        it_is = IT_IS.search(text[: before.start][-30:]) is not None
        if it_is or " is the " in text[before.end : start]:
            return before.owner or SELF
    if numeral is not None and term.named and AT.search(text[: numeral.start][-6:]):
        return term.owner or SELF  # `at 2.0, ALFA's beta is`
    return None


def _owns(text: str, company: Term) -> bool:
    return re.match(r"'s?(?=[\s,.;]|$)", text[company.end :][:3]) is not None

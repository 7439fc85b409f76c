"""Values attached to a name by position: `cash of $9 million`, `the $9 million of debt`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.numerals import Kind, Numeral

_ABOUT = (
    r"(?:(?:about|around|roughly|nearly|almost|some|just|only|over|under|more than|less than|approximately|exactly"
    r"|precisely|fully|well over|a mere|merely|as much as|no less than|no more than|close to)\s)*"
)
BEHIND = re.compile(
    rf"s?(?:\s(?:and\s\w+\s)?of\s(?:a\s|an\s)?{_ABOUT}|,\s(?:at|of)\s{_ABOUT}|\s\((?:of\s)?"
    rf"|\s(?:bill|cost|pile|balance)\sof\s)(?:minus\s)?"
)
BEFORE = re.compile(
    r"\s(?:(?:of|in|worth of)\s)?(?:(?:its|the|total|annual|gross|outstanding|yearly|full year|reported)\s)*"
    r"|\s(?:went|was|were|is|are|paid|handed|returned|distributed|flowed|left|remained)\s(?:\w+\s){0,3}?(?:as|in)\s"
)
MARK = re.compile(r"\s(high|low|peak|trough)(?=[\s.,;]|$)")
SIDE = re.compile(
    r"\b(?:its|the|their|a)\s(high|low|peak|trough)(?=[\s.,;]|$)(?!\s(?:point|end|level|target|beta|margin|yield|debt))"
)
OF_PRICE = frozenset({"Share price", "52-week high", "52-week low"})
OF_TARGET = re.compile(
    r"\b(highest|lowest|high|low)(?= (?:and|to) (?:the )?(?:highest|lowest|high"
    r"|low) (?:\w+ )?(?:targets?|estimates?)\b)"
)
TARGETS = {
    **dict.fromkeys(("highest", "high"), frozenset({"Highest analyst target"})),
    **dict.fromkeys(("lowest", "low"), frozenset({"Lowest analyst target"})),
}
TRAILING = re.compile(r"\b(trailing|forward)\s$")
OF_TRAILING = {
    "trailing": frozenset({"Trailing P/E", "Price to earnings", "Earnings per share"}),
    "forward": frozenset({"Forward P/E", "Forward earnings per share"}),
}
TODAY = re.compile(r"\b(?:today's|current|present)\s$")
MARKS = {"high": "52-week high", "peak": "52-week high", "low": "52-week low", "trough": "52-week low"}
ELIDED = re.compile(
    r"'s?\s(?:has |have |had |only |also |even |just )*(?:grew|grows|rose|rises|fell|falls"
    r"|shrank|shrinks|climbed|declined"
    r"|dropped|increased|decreased|expanded|contracted|widened|narrowed|improved|stayed|remained"
    r"|doubled|halved|advanced"
    r"|slipped)\b"
)
OWNED = re.compile(r"'s?\s(?:(?:own|total|respective|current)\s)*|\sand\s(?:its|their)\s|\s\((?:at\s)?")


def glued(text: str, term: Term, numeral: Numeral) -> bool:
    """Whether a number is attached to a name, with only connecting text between them."""
    if numeral.start >= term.end:
        return BEHIND.fullmatch(text[term.end : numeral.start][:50]) is not None
    gap = text[numeral.end : term.start][:50]
    if re.fullmatch(r",\s(?:the\s|its\s|\w+'s?\s)?", gap) and re.search(
        r"\b(?:at|with)\s$", text[: numeral.start][-6:]
    ):
        return True
    return numeral.kind is Kind.MONEY and BEFORE.fullmatch(gap) is not None


def unnamed(text: str, terms: Sequence[Term], companies: Sequence[Term], numerals: Sequence[Numeral]) -> list[Term]:
    """Return a `Term` for each value without a name: `ALFA's cash is half of BETA's $9 million`, `off its $98 high`."""
    found = [*_sides(text, terms), *_marks(text, numerals), *_of_companies(text, terms, companies, numerals)]
    found = [_with_number(text, term, numerals) for term in [*found, *_elided(text, terms, companies)]]
    taken = {term.numeral.start for term in terms if term.numeral}
    return [term for term in found if term.start not in taken]


def _with_number(text: str, term: Term, numerals: Sequence[Numeral]) -> Term:
    if term.numeral is not None:
        return term
    near = (n for n in numerals if term.end <= n.start < term.end + 30)
    return replace(term, numeral=next((n for n in near if glued(text, term, n)), None))


def _elided(text: str, terms: Sequence[Term], companies: Sequence[Term]) -> list[Term]:
    """Return the figure that `ALFA's sales shrank, whereas BETA's grew` takes from the clause before."""
    found = []
    for company in companies:
        before = [t for t in terms if t.end <= company.start and t.names and company.start - t.end < 160]
        if before and ELIDED.match(text, company.end):
            last = before[-1]
            found.append(
                Term(company.start, company.end, last.names, company.owner, last.when, named=True, loss=last.loss)
            )
    return found


def _sides(text: str, terms: Sequence[Term]) -> list[Term]:
    """Return `its high`, `its low` next to a price."""
    if not any(term.names & OF_PRICE for term in terms):
        return _targets(text)
    spans = [(term.start, term.end) for term in terms]
    return _targets(text) + [
        Term(m.start(), m.end(), frozenset({MARKS[m[1]]}), SELF)
        for m in SIDE.finditer(text)
        if not any(start < m.end() and m.start() < end for start, end in spans)
    ]


def _targets(text: str) -> list[Term]:
    """Return the first target of `between the highest and the lowest target`."""
    return [Term(m.start(), m.end(1), TARGETS[m[1]], SELF) for m in OF_TARGET.finditer(text)]


def _marks(text: str, numerals: Sequence[Numeral]) -> list[Term]:
    """Return a `Term` for each value with a short name only: `its $98 high`, today's price, `the trailing 20`."""
    found = []
    for numeral in numerals:
        if numeral.kind is Kind.MONEY and TODAY.search(text[: numeral.start][-12:]):
            found.append(Term(numeral.start, numeral.end, frozenset({"Share price"}), SELF, numeral=numeral))
        trailing = TRAILING.search(text[: numeral.start][-12:])
        if trailing:
            found.append(Term(numeral.start, numeral.end, OF_TRAILING[trailing[1]], SELF, numeral=numeral))
        mark = MARK.match(text, numeral.end) if numeral.kind is Kind.MONEY else None
        if mark:
            found.append(Term(numeral.start, mark.end(), frozenset({MARKS[mark[1]]}), SELF, numeral=numeral))
    return found


def _of_companies(
    text: str, terms: Sequence[Term], companies: Sequence[Term], numerals: Sequence[Numeral]
) -> list[Term]:
    """Return a company's number as the figure named before it."""
    taken = {term.numeral.start for term in terms if term.numeral}
    found = []
    by_start = {numeral.start: numeral for numeral in numerals}
    nexts = {one.end: two.start for one, two in pairwise([*companies, Term(len(text), len(text))])}
    for company in companies:
        owned = OWNED.match(text, company.end)
        numeral = by_start.get(owned.end()) if owned else None
        if numeral is None or numeral.start in taken or nexts.get(company.end, len(text)) < numeral.end:
            continue
        before = [term for term in terms if term.end <= company.start and term.names]
        behind = any(t.start >= numeral.end and len(text[numeral.end : t.start]) < 20 for t in terms)
        if before and not behind:
            last = before[-1]
            found.append(
                Term(numeral.start, numeral.end, last.names, company.owner, numeral=numeral, named=True, loss=last.loss)
            )
    return found

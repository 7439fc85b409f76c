"""A parsed sentence: its figures, each with company, date and number, in order."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ert_backend.grounding.claims.known.figures import Figures
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Amount, amounts
from ert_backend.grounding.claims.sentence.companies import companies_in
from ert_backend.grounding.claims.sentence.glue import glued, unnamed
from ert_backend.grounding.claims.sentence.names import Names
from ert_backend.grounding.claims.sentence.term import Term, within
from ert_backend.grounding.claims.sentence.when import time_at
from ert_backend.grounding.labels import plain
from ert_backend.grounding.numerals import Kind, Numeral
from ert_backend.grounding.periods import Mention, find

# Allowed between the parts of one noun phrase.
FILL = re.compile(
    r"[\s(,\"]*(?:(?:the|its|their|his|our|a|an|both|all|that|those|of|total|own|overall|reported|annual|yearly|full"
    r"|combined|existing|outstanding|current|entire|whole|mean|level|value|amount|size|sum|respective|much|many|even"
    r"|just|only|roughly|about|nearly|almost|some|around|approximately|in|for|at|from|available|gross|trailing|latest"
    r"|recorded|figure|number|rate|company's|group's|corresponding|same|every|each|already|modest|one|what|year|to"
    r"|year's|quarter's|quarterly|large|small|sizeable|substantial|underlying|recent|stated|published|ones|seen|as"
    r"|either|additional|further|extra|new|fresh|posted|achieved|being|on|it|minus|s|was|were|is|had|been"
    r"|there)(?!\w)[\s(,\"]*)*"
)
OWNED = re.compile(r"(?:'s?|\u2019s?|,? whose)\s+(?:\w+\s+){0,2}|\s+")
OF_OTHER = re.compile(
    r"\s(?:of|for|in|at|by|from|posted by|reported by|seen in|recorded in|earned in)\s(?:the\s|its\s)?"
)
APART = re.compile(
    r"\b(?:than|above|below|against|versus|compared|exceed\w*|from|over|under|beats?|tops?|while|but|times"
    r"|falls?|rose|fell|grew"
    r"|outstrip\w*|cover\w*|dwarf\w*|trail\w*|to|by|twice|half)\b"
)
FRACTION = re.compile(
    r"half|third|quarter|fifth|tenth|doubl|tripl|quadrupl|halv|fold|twice|\b(?:two|three|four|five|six|seven"
    r"|eight|nine|ten) times",
    re.IGNORECASE,
)
OF_COMPANY = re.compile(r"s?\s+(?:of|at|for)\s+(?:the\s+)?")
BOUNDARY = re.compile(
    r"[;:]|,?\s+(?:while|whereas|(?<!anything )(?<!nothing )but|although|though|even as|yet|because|so that|despite"
    r"|(?<!\bor)(?<!\bor\s)so)\s|,\s+and\s"
)

LEADING = re.compile(r"(?:after|having|following|although|though|while)\b[^,;]{0,80},")
# Names that are multiples when a factor precedes them: `25 times earnings`.
TIMES_NAME = {
    "Net income": frozenset({"Trailing P/E", "Price to earnings"}),
    "Earnings per share": frozenset({"Trailing P/E", "Price to earnings"}),
    "Forward earnings per share": frozenset({"Forward P/E"}),
    "Revenue": frozenset({"Price to sales", "EV to revenue"}),
    "Book value per share": frozenset({"Price to book"}),
    "EBITDA": frozenset({"EV to EBITDA"}),
}
TIMES_BEFORE = re.compile(r"\d\s?(?:times|x)\s(?:its\s|trailing\s|annual\s|forward\s|expected\s|last year's\s)*$")
# `once cash is deducted, debt comes to`: net debt.
NETTED = re.compile(
    r"\b(?:net of|deducting|subtracting|netting(?: off)?) (?:its |the |all )?(?:\w+ )?cash\b"
    r"|\bcash (?:is|has been|was) (?:deducted|subtracted|netted|taken off)"
    r"|\bnetted (?:off )?against (?:its |the |all )?cash\b|\b(?:strip\w*|tak\w+|back\w*) out (?:its |the "
    r"|all )?cash\b|\bow(?:es|ed)\s[^,;]{3,40}\snet\b"
)
# `at 1.9 times EBITDA, net debt is`: a multiple of debt and not of the price.
OF_DEBT = re.compile(r",\s(?:the\s|its\s|\w+'s?\s)?(?:(?:net|gross|total)\s)?(?:debt|borrowings|leverage)\b")
FORWARD = re.compile(r"\b(?:forward|expected|next year's|estimated|forecast)\s")


@dataclass(frozen=True, slots=True)
class Scene:
    """One parsed sentence: `text` in lower case, `terms` the figures in order, `atoms` every name."""

    text: str
    terms: Sequence[Term]
    atoms: Sequence[Term]
    companies: Sequence[Term]
    periods: Sequence[Mention]
    numerals: Sequence[Numeral]
    bounds: Sequence[int]
    figures: Figures
    amounts: Sequence[Amount] = ()
    _starts: dict[str, list[int]] = field(default_factory=dict)

    def clause(self, place: int) -> tuple[int, int]:
        """Return the start and end of the clause around a position."""
        index = bisect_right(self.bounds, place)
        return (self.bounds[index - 1] if index else 0), (
            self.bounds[index] if index < len(self.bounds) else len(self.text)
        )

    def time(self, start: int, end: int) -> Mention | None:
        """Return the date that applies to this range."""
        return time_at(self.text, self.clause(start), self.periods, start, end)

    def before(self, place: int) -> Sequence[Term]:
        """Return the last figures that end before a position, nearest first."""
        index = bisect_left(self._starts["terms"], place)
        return [term for term in reversed(self.terms[max(0, index - 6) : index]) if term.end <= place]

    def after(self, place: int) -> Term | None:
        """Return the term right after a position, ignoring articles and the like."""
        index = bisect_left(self._starts["atoms"], place)
        if index == len(self.atoms):
            return None
        atom = self.atoms[index]
        gap = self.text[place : atom.start]
        if len(gap) > 60 or not FILL.fullmatch(gap):
            return None
        found = self.whole(atom)
        if found.numeral is not None and not found.names:
            other = next(
                (a for a in self.atoms[index + 1 :][:1] if OF_OTHER.fullmatch(self.text[found.end : a.start])), None
            )
            return other if other is not None and not other.names and other.numeral is None else found
        return found

    def whole(self, atom: Term) -> Term:
        """Return the figure that an atom is the first part of (`ALFA's` of `ALFA's net margin`), else the atom."""
        index = bisect_left(self._starts["terms"], atom.start)
        for term in self.terms[index : index + 1]:
            gap = self.text[atom.end : term.start]
            if term.start == atom.start or (atom.owner is not None and re.fullmatch(r"'s?\s+(?:\w+\s+){0,2}", gap)):
                return term
            if atom.numeral is not None and term.numeral is atom.numeral:
                return term
            if atom.when is not None and re.fullmatch(r"(?:'s?)?\s+(?:\w+\s+)?", gap):
                return term
        return atom

    def subject(self, place: int) -> str:
        """Return the subject company at a position: the last one that is neither possessive nor an object."""
        index = bisect_left(self._starts["companies"], place)
        for company in reversed(self.companies[max(0, index - 6) : index]):
            if company.named:
                return company.owner or SELF
        return SELF


def scene(
    sentence: str,
    known: Names,
    figures: Figures,
    numerals: Sequence[Numeral],
    under: Mapping[int, Sequence[tuple[int, int]]],
) -> Scene:
    """`under`: for each number the spans of the names that `labels.assign` returns for it."""
    text = plain(sentence)
    plainly = [n for n in numerals if n.kind is Kind.MONEY or not FRACTION.search(n.text)]
    times = find(sentence, figures.latest)
    companies = companies_in(sentence, text, known, figures)
    taken = [(term.start, term.end) for term in companies]
    spans = [(n.start, n.end) for n in plainly]
    found = [
        Term(m.start(), m.end(), known.means[m[1]])
        for m in known.figures.finditer(text)
        if not within(m.start(), m.end(), taken) and not within(m.start(), m.end(), spans)
    ]
    lead = LEADING.match(text)
    bounds = sorted({*(m.start() for m in BOUNDARY.finditer(text)), *([lead.end()] if lead else [])})
    bare = Scene(text, (), (), companies, times, numerals, bounds, figures)
    bare._starts["companies"] = [term.start for term in companies]
    terms: list[Term] = []
    places = [n.start for n in numerals]
    for term in found:
        first, last = bisect_left(places, term.start - 70), bisect_left(places, term.end + 70)
        close = [(i, numerals[i]) for i in range(first, last) if numerals[i] in plainly[:40]]
        own = (n for i, n in close if within(term.start, term.end, under.get(i, ())) and _beside(text, term, n))
        numeral = next((n for _, n in close if glued(text, term, n)), None) or next(own, None)
        previous = terms[-1] if terms else None
        begin = numeral.start if numeral and glued(text, term, numeral) else term.start
        owner, named = _owner(text, replace(term, start=min(begin, term.start)), previous, bare)
        end = numeral.end if numeral and numeral.start >= term.end else term.end
        when = bare.time(term.start, end)
        names = _as_multiple(text, term, terms, bare)
        if names == frozenset({"Total debt"}) and NETTED.search(text):
            names = frozenset({"Net debt"})
        terms.append(
            replace(term, names=names, owner=owner, named=named, when=when, numeral=numeral, loss=_loss(text, term))
        )
    terms = sorted([*terms, *unnamed(text, terms, companies, plainly)], key=lambda term: term.start)
    free = [Term(n.start, n.end, numeral=n) for n in plainly]
    spoken = [Term(t.start, t.end, when=t) for t in times]
    atoms = sorted([*terms, *companies, *free, *spoken], key=lambda atom: (atom.start, -atom.end))
    starts = {
        "terms": [term.start for term in terms],
        "atoms": [atom.start for atom in atoms],
        "companies": [term.start for term in companies],
    }
    return replace(bare, terms=terms, atoms=atoms, amounts=amounts(text, numerals), _starts=starts)


def _as_multiple(text: str, term: Term, before: Sequence[Term], bare: Scene) -> frozenset[str]:
    """Return the P/E for `earnings` in `trades at 25 times earnings`; not for `debt is 5 times earnings`."""
    times = TIMES_BEFORE.search(text[max(0, term.start - 40) : term.start])
    begin, _ = bare.clause(term.start)
    others = [
        t
        for t in before[-4:]
        if t.start >= begin and not t.names <= {"Share price", "Trailing P/E", "Price to earnings"}
    ]
    if times is None or others or OF_DEBT.match(text, term.end):
        return term.names
    if FORWARD.search(times[0]) or FORWARD.match(text, term.start):
        return frozenset({"Forward P/E"})
    return frozenset().union(*(TIMES_NAME.get(name, frozenset({name})) for name in term.names))


def _loss(text: str, term: Term) -> bool:
    return re.search(r"loss(?:es)?$|burn$|outflow$", text[term.start : term.end]) is not None


def _beside(text: str, term: Term, numeral: Numeral) -> bool:
    """Whether a number is a figure's own value, without a comparison between them."""
    between = text[term.end : numeral.start] if numeral.start >= term.end else text[numeral.end : term.start]
    return len(between) < 45 and APART.search(between) is None


def _owner(text: str, term: Term, previous: Term | None, bare: Scene) -> tuple[str, bool]:
    """Return the company of a figure, and whether it is named right next to it."""
    index = bisect_left(bare._starts["companies"], term.start)
    if index:
        company = bare.companies[index - 1]
        if OWNED.fullmatch(text[company.end : term.start]):
            return company.owner or SELF, True
    for company in bare.companies[index : index + 1]:
        if OF_COMPANY.fullmatch(text[term.end : company.start]):
            return company.owner or SELF, True
    if previous and re.fullmatch(r"s?(?:,|,? and|,? or|/) (?:its )?", text[previous.end : term.start]):
        return previous.owner or SELF, previous.named
    return bare.subject(term.start), False

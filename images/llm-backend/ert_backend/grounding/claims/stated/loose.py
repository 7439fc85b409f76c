"""Values apart from their name: `the 5% offered by ALFA`, `against 22% and 12%`, `after readings of -50% and -20%`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ert_backend.grounding.claims.decide import OF_GROUP, Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import GROWTH, SELF
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import NETTED, Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import is_told
from ert_backend.grounding.claims.words.ranks import OF_COMPANIES
from ert_backend.grounding.facts import Period
from ert_backend.grounding.numerals import Kind, Numeral
from ert_backend.grounding.periods import AFTER

MOST = 12
# Between a value and the company that it is of.
OF_COMPANY = re.compile(
    r"\s(?:\w+(?:ed|n|t|wn|ne)\s)?(?:by|at|for|of|from|on which|on offer at|at which)\s(?:the\s|rival\s|peer\s)?"
)
AGAINST = re.compile(
    r"(?:\b(?:against|versus|vs\.?|compared (?:with|to)|ahead of|behind|followed by)|[\d%x],? and)\s"
    r"(?:only\s|just\s|the\s|a\s|its\s|about\s|mere\s)*$"
)
JOINED = re.compile(
    r"(?:\s\([^()]{1,30}\))?(?:,|,? and|,? then| through| to|, to|,? followed by)\s(?:then\s|just\s|only\s|the\s)*"
)
NO_OWN = re.compile(r"\b(?:from|to)\s(?:about\s|a\s|just\s|only\s|some\s)*$")
NEGATIVE = re.compile(r"\b(?:loss(?:es)?|lost|negative|minus|deficit|burn\w*|outflow|in the red|shortfall)\b")
WHICH = re.compile(r"\s(?:(?:which|that)\s)?(?:the\s)?(?=[a-z])")
NAME_BEHIND = re.compile(r"\s(?:(?:in|of|as|for)\s)?(?:(?:the|its|annual|total|net)\s)*")
NAME_BEFORE = re.compile(
    r"(?:s?\s(?:\w+\s){0,2}?(?:is|was|are|were|at|of|be|to|equals?|reached|totall?ed|generated|posted|reported|recorded)|:)?\s?"
    r"(?:(?:about|around|roughly|nearly|almost|some|just|only|approximately|a|an|over|under|minus|negative)\s)*[(]?"
)
BRACKET = re.compile(r"\([^()]{3,40}\s(?:and|against|versus)\s[^()]{1,20}\srespectively\)")
LAST = re.compile(r"\b(?:last|remaining|final)\s(?:[a-z]{1,3}\s?)?$")
SECOND = re.compile(r"\b(?:to|against|versus|with|the)\s(?:just\s|only\s|a mere\s|about\s)*$")
BY = re.compile(r"\bby\s(?:a\s|about\s|around\s|some\s|roughly\s|nearly\s|almost\s|just\s|only\s|over\s|more than\s)*$")


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Yield a true `Ruling` for each number that is such a value; none is ever found false."""
    free = [
        n
        for n in scene.numerals[:MOST]
        if (not _bound(scene, n) or LAST.search(scene.text[: n.start][-30:])) and not unreal(scene, n.start)
    ]
    for numeral in free:
        found = _of_company(scene, numeral) or _of_peers(scene, numeral) or _of_name(scene, numeral)
        found = found or _repaid(scene, numeral) or _netted(scene, numeral) or _without_unit(scene, numeral)
        if found is not None:
            yield Ruling(numeral.start, numeral.end, True, (found.id,), (numeral,))
    yield from _series(scene)
    yield from _of_growth(scene)


def _bound(scene: Scene, numeral: Numeral) -> bool:
    """Whether a number is right at a name, or is the size of a change."""
    if BY.search(scene.text[max(0, numeral.start - 30) : numeral.start]):
        return True
    return any(t.numeral is numeral and t.names and glued(scene.text, t, numeral) for t in scene.terms)


def _nearest(scene: Scene, numeral: Numeral) -> Sequence[Term]:
    return [t for t in scene.before(numeral.start) if t.names][:2]


def _of_company(scene: Scene, numeral: Numeral) -> Figure | None:
    link = OF_COMPANY.match(scene.text, numeral.end) or WHICH.match(scene.text, numeral.end)
    company = next((c for c in scene.companies if link and c.start == link.end()), None)
    if company is None or company.owner in OF_GROUP:
        return None
    return _told(scene, numeral, ((name, company.owner or SELF) for t in _nearest(scene, numeral) for name in t.names))


def _of_peers(scene: Scene, numeral: Numeral) -> Figure | None:
    if not AGAINST.search(scene.text[max(0, numeral.start - 40) : numeral.start]) or scene.periods:
        return None
    if not (OF_COMPANIES.search(scene.text) or any(c.owner for c in scene.companies)):
        return None
    names = [name for t in _nearest(scene, numeral)[:1] for name in sorted(t.names)]
    return _told(scene, numeral, ((name, peer) for name in names for peer in scene.figures.peers))


def _told(scene: Scene, numeral: Numeral, names: Iterator[tuple[str, str]]) -> Figure | None:
    items = (item for name, owner in names for item in scene.figures.find(name, owner))
    return next((item for item in items if is_told(numeral, item)), None)


def _of_name(scene: Scene, numeral: Numeral) -> Figure | None:
    """Return the figure of another name of the sentence that has this value at the number's own date."""
    if NO_OWN.search(scene.text[max(0, numeral.start - 20) : numeral.start]) or _in_list(scene, numeral):
        return None
    beside = [term for term in scene.terms if _beside(scene.text, term, numeral)]
    own = _date(scene, numeral)
    company = next((c for c in reversed(scene.companies) if c.end <= numeral.start), None)
    for term in beside or scene.terms[:8]:
        owner = term.owner or SELF
        company = None if beside else company
        if owner in OF_GROUP or (company is not None and company.start > term.start and company.owner != term.owner):
            continue
        for name in sorted(term.names):
            for item in scene.figures.find(name, owner, own):
                if is_told(numeral, item) and _sign(scene, numeral, item):
                    return item
    return None


def _date(scene: Scene, numeral: Numeral) -> Period | None:
    """Return the date right after a number, else that of its clause."""
    behind = next((m for m in scene.periods if m.start >= numeral.end), None)
    if behind is not None and AFTER.fullmatch(scene.text[numeral.end : behind.start]):
        return behind.period
    own = scene.time(numeral.start, numeral.end)
    return own.period if own else None


def _repaid(scene: Scene, numeral: Numeral) -> Figure | None:
    """Return the debt of the year before that `the last $50 million of its debt` was, once none is left."""
    if not LAST.search(scene.text[max(0, numeral.start - 30) : numeral.start]):
        return None
    series = scene.figures.series("Total debt", SELF)
    left = [(old, new) for old, new in pairwise(series) if new.value == 0 and is_told(numeral, old)]
    return left[0][0] if left else None


def _without_unit(scene: Scene, numeral: Numeral) -> Figure | None:
    """Return the figure of a second value whose unit is that of the first: `from 30% to 28`, `21% to 18`."""
    place = scene.numerals.index(numeral)
    first = scene.numerals[place - 1] if place else None
    if first is None or numeral.kind is not Kind.PLAIN or first.kind is not Kind.PERCENT:
        return None
    if not SECOND.search(scene.text[first.end : numeral.start]):
        return None
    same = replace(numeral, kind=Kind.PERCENT)
    owners = [SELF, *(c.owner or SELF for c in scene.companies if c.owner not in OF_GROUP)]
    items = (
        item
        for term in _nearest(scene, numeral)[:1]
        for owner in dict.fromkeys(owners)
        for name in sorted(term.names)
        for item in (*scene.figures.find(name, owner), *scene.figures.series(name, owner))
    )
    return next((item for item in items if is_told(same, item)), None)


def _netted(scene: Scene, numeral: Numeral) -> Figure | None:
    """Return the net debt or net cash that a number is, once the sentence deducts one from the other."""
    if not NETTED.search(scene.text):
        return None
    items = scene.figures.find("Net debt", scene.subject(numeral.start), _date(scene, numeral))
    return next((item for item in items if item.value > 0 and is_told(numeral, item)), None)


def _beside(text: str, term: Term, numeral: Numeral) -> bool:
    """Whether a name is right before or after a number: `ROA was 9%`, `9% in ROA`."""
    if term.start >= numeral.end:
        return NAME_BEHIND.fullmatch(text[numeral.end : term.start][:30]) is not None
    return NAME_BEFORE.fullmatch(text[term.end : numeral.start][:60]) is not None


def _in_list(scene: Scene, numeral: Numeral) -> bool:
    place = scene.numerals.index(numeral)
    beside = pairwise(scene.numerals[max(0, place - 1) : place + 2])
    return any(JOINED.fullmatch(scene.text[one.end : two.start]) for one, two in beside)


def _sign(scene: Scene, numeral: Numeral, item: Figure) -> bool:
    """Whether the words before a number agree with the sign of the figure."""
    if numeral.signed:
        return True
    before = scene.text[max(0, numeral.start - 60) : numeral.start]
    return (item.value < 0) == (NEGATIVE.search(before) is not None)


def _series(scene: Scene) -> Iterator[Ruling]:
    """Match listed values to consecutive years or quarters of the figure before them."""
    run: list[Numeral] = []
    for one, two in pairwise(scene.numerals[:MOST]):
        run = run or [one]
        if JOINED.fullmatch(scene.text[one.end : two.start]) is None:
            run = []
            continue
        run.append(two)
        for term in _nearest(scene, run[0])[:1]:
            yield from _in_order(scene, term, run)


def _of_growth(scene: Scene) -> Iterator[Ruling]:
    """Match `(20% and 5% respectively)` to the growth of the two figures before it."""
    for match in BRACKET.finditer(scene.text):
        run = [n for n in scene.numerals if match.start() < n.start < match.end()]
        terms = [t for t in scene.before(match.start()) if t.names][: len(run)][::-1]
        if len(run) != 2 or len(terms) != 2:
            continue
        for numeral, term in zip(run, terms, strict=True):
            names = [GROWTH[name] for name in sorted(term.names) if name in GROWTH]
            found = _told(scene, numeral, ((name, term.owner or SELF) for name in names))
            if found is not None:
                yield Ruling(numeral.start, numeral.end, True, (found.id,), (numeral,))


def _in_order(scene: Scene, term: Term, run: Sequence[Numeral]) -> Iterator[Ruling]:
    for name in sorted(term.names):
        for series in (
            scene.figures.series(name, term.owner or SELF),
            scene.figures.quarters(name, term.owner or SELF),
        ):
            for first in range(len(series) - len(run) + 1):
                items = series[first : first + len(run)]
                if all(is_told(n, i) and _sign(scene, n, i) for n, i in zip(run, items, strict=True)):
                    yield Ruling(run[0].start, run[-1].end, True, tuple(i.id for i in items), tuple(run))
                    return

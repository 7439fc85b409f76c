"""Computes the differences, ratios, changes, sums and means of the figures of a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from ert_backend.grounding.claims.decide import OF_GROUP, values
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Sort
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.words.predicates import EXPECTED

MOST_TERMS, MOST = 8, 20
EACH_YEAR = re.compile(
    r"\b(?:a|per|each|every) (?:year|annum)\b(?! (?:ago|earlier|before|later|prior))|\bannual(?:ly|i[sz]ed)?\b"
    r"|\bcompound\w*|\bcagr\b|\byearly\b"
)
RUN_RATE = re.compile(r"\bannuali[sz]\w*|\brun rate|\btimes four|\bfour times the|\bextrapolat\w*|\bfull year basis")
SUMMED = re.compile(
    r"\b(?:together|combined|total(?:s|led|ed|ling)?|sum\w*|add(?:s|ed|ing)?|jointly|in all|altogether|aggregate\w*"
    r"|cumulat\w*|between them|both|plus|and|over|across|nine months|six months)\b"
)
OF_PARTS = re.compile(r"\bquarters\b|\bhal(?:f|ves)\b|\bmonths\b")
OF_YEARS = re.compile(r"\byears\b|\bfy ?20\d\d (?:and|to|through) fy ?20\d\d|\bsince\b")
OF_ALL = re.compile(r"\b(?:three|two|four|all|both) (?:\w+ )?(?:companies|banks|firms|names|\w+s)\b")
OVER_TIME = re.compile(
    r"\b(?:since|from|year\w*|quarter\w*|fy\w*|20\d\d|again|r[oi]se\w*|rising|gr[eo]w\w*|fell|fall\w*|up|down|halv\w*|doubl\w*"
    r"|declin\w*|increas\w*|decreas\w*|drop\w*|jump\w*|gain\w*|chang\w*|improv\w*|swing|swung|climb\w*|cut\w*|los[st]\w*"
    r"|reduc\w*|expan\w*|contract\w*|narrow\w*|widen\w*|shr[aiu]nk\w*|surg\w*|plung\w*|slump\w*|slipp\w*|multipl\w*)\b"
)
MEAN = re.compile(r"\b(?:average\w*|mean|midpoint|midway|halfway)\b")


@dataclass(frozen=True, slots=True)
class Result:
    """A computed value, as an amount of one of `sorts`."""

    value: float
    sorts: frozenset[Sort]
    ids: tuple[str, ...]


FACTOR = frozenset({Sort.FACTOR, Sort.SHARE})
SHARE = frozenset({Sort.SHARE})


def results(scene: Scene, told: Sequence[Figure]) -> list[Result]:
    """Return every computed value; `told`: additional figures whose value is written in the sentence."""
    figures = _figures(scene, told)
    yearly = EACH_YEAR.search(scene.text) is not None
    couples = [(a, b) for a, b in combinations(figures, 2) if _kindred(a, b) and not _one_name(scene, a, b)]
    couples += _earlier(scene, figures) if OVER_TIME.search(scene.text) else ()
    found = [r for one, two in couples for r in _of_two(one, two, yearly)]
    if RUN_RATE.search(scene.text):
        found += [Result(4 * i.value, _own(i), (i.id,)) for i in figures if i.period and i.period.quarter]
    if SUMMED.search(scene.text) or MEAN.search(scene.text):
        found += _of_many(scene, figures)
    return found


def named(scene: Scene) -> list[Figure]:
    """Return the figures that the sentence names, each at its own date and company."""
    return _figures(scene, ())


def _figures(scene: Scene, told: Sequence[Figure]) -> list[Figure]:
    """Return the figures of every name, date and company in the sentence, those in `told` first."""
    named = [
        (t, name) for t in scene.terms[:MOST_TERMS] for name in sorted(t.names)[: 2 if len(scene.terms) > 1 else 6]
    ]
    if EXPECTED.search(scene.text):
        named += [(t, f"Forward {name[0].lower()}{name[1:]}") for t, name in named]
    found: dict[tuple[str, str], Figure] = {}
    others = [
        i for item in told for c in scene.companies[:4] for i in scene.figures.find(item.name, c.owner or SELF)[:1]
    ]
    for item in [*_told(scene, named), *told, *others, *_implied(scene, named)]:
        found.setdefault((item.id, item.name), item)
    return [*found.values()][:MOST]


def _told(scene: Scene, named: Sequence[tuple[Term, str]]) -> Iterator[Figure]:
    for term, name in named:
        for owner in scene.figures.peers if term.owner in OF_GROUP else [term.owner or SELF]:
            yield from values(scene.figures, term, name, owner)[:2]


def _implied(scene: Scene, named: Sequence[tuple[Term, str]]) -> Iterator[Figure]:
    """Yield the figures of the same name for every other company and date of the sentence."""
    times = list(dict.fromkeys(m.period for m in scene.periods[:4] if not m.event or m.period.year))
    owners = [c.owner or SELF for c in scene.companies[:4]]
    owners = [o for owner in owners for o in (scene.figures.peers if owner in OF_GROUP else [owner])]
    owners += [SELF] if owners else []
    for term, name in named:
        own = term.owner if term.owner is not None and term.owner not in OF_GROUP else SELF
        for owner in dict.fromkeys([own, *owners]):
            for when in [*times, None] if owner == own else [term.period, None]:
                yield from scene.figures.find(name, owner, when)[:1]


def _earlier(scene: Scene, figures: Sequence[Figure]) -> Iterator[tuple[Figure, Figure]]:
    """Yield figures with their previous value, unless the sentence has a second date."""
    years = {m.period for m in scene.periods if m.period.year or m.period.quarter}
    for name, owner in dict.fromkeys((i.name, i.owner) for i in figures[:MOST_TERMS]):
        for item in figures:
            if item.name == name and item.owner == owner and item.period in years:
                yield from ((item, old) for old in scene.figures.before(name, owner, item)[:2])
        if len(years) < 2:
            yield from combinations(scene.figures.series(name, owner)[-3:], 2)
        if "quarter" in scene.text:
            yield from combinations(scene.figures.quarters(name, owner)[-4:], 2)


def _kindred(one: Figure, two: Figure) -> bool:
    """Whether two figures share a dimension and differ in at most one of name, company and date."""
    if one.dimension != two.dimension or one.value == two.value == 0:
        return False
    if one.name != two.name and one.owner == two.owner and _whole(one) != _whole(two):
        return False
    dated = not (one.current and two.current) and one.period is not None and two.period is not None
    timed = dated and one.period != two.period
    return (one.name != two.name) + (one.owner != two.owner) + timed <= 1


def _one_name(scene: Scene, one: Figure, two: Figure) -> bool:
    """Whether both figures are only readings of one name (`profitability`)."""
    return one.name != two.name and any({one.name, two.name} <= term.names for term in scene.terms)


def _whole(item: Figure) -> bool:
    return item.period is None or item.period.quarter is None


def _own(item: Figure) -> frozenset[Sort]:
    """Return the sorts of amount that apply to a figure."""
    if item.dimension == "ratio":
        return frozenset({Sort.POINTS})
    return frozenset({Sort.FACTOR}) if item.dimension == "multiple" else frozenset({Sort.MONEY})


def _of_two(one: Figure, two: Figure, yearly: bool) -> Iterator[Result]:
    ids, years = (one.id, two.id), _years(one, two)
    apart, same_length = abs(one.value - two.value), _whole(one) == _whole(two)
    if same_length:
        yield Result(apart, _own(one), ids)
    if one.value and two.value and (one.value < 0) == (two.value < 0):
        quotient = one.value / two.value
        yield Result(quotient, FACTOR, ids)
        yield Result(1 / quotient, FACTOR, ids)
        for value in (quotient, 1 / quotient) if same_length else ():
            if yearly and years > 1:
                yield Result(abs(value ** (1 / years) - 1), SHARE, ids)
            else:
                yield Result(abs(value - 1), SHARE, ids)
        if yearly and years > 1:
            yield Result(apart / years, _own(one), ids)
    elif two.value and one.value:  # from a loss to a profit
        yield Result(apart / abs(two.value), SHARE, ids)
        yield Result(apart / abs(one.value), SHARE, ids)


def _years(one: Figure, two: Figure) -> int:
    a, b = one.period, two.period
    apart = abs((a.year or 0) - (b.year or 0)) if a and b and not a.quarter and not b.quarter else 0
    return apart if apart < 20 else 0


def _of_many(scene: Scene, figures: Sequence[Figure]) -> list[Result]:
    """Compute sums and means over names, companies, quarters and consecutive years."""
    summed, mean = SUMMED.search(scene.text) is not None, MEAN.search(scene.text) is not None
    found = []
    for items in _groups(scene, figures):
        if len(items) > 1 and len({i.dimension for i in items}) == 1:
            total, ids = sum(i.value for i in items), tuple(i.id for i in items)
            if summed and items[0].dimension.startswith(("money", "count", "per share")):
                found.append(Result(abs(total), _own(items[0]), ids))
            if mean:
                own = SHARE | {Sort.POINTS} if items[0].dimension == "ratio" else _own(items[0])
                found.append(Result(abs(total) / len(items), own, ids))
    return [*found, *(_halves(scene, figures) if OF_PARTS.search(scene.text) else ())]


def _groups(scene: Scene, figures: Sequence[Figure]) -> Iterator[Sequence[Figure]]:
    names = [i for i in figures[:8] if i.current or i.period in {m.period for m in scene.periods}]
    for count in (2, 3):
        for chosen in combinations(names[:6], count):
            if all(_kindred(*pair) and pair[0].name != pair[1].name for pair in combinations(chosen, 2)):
                yield chosen
    for name, owner in dict.fromkeys((i.name, i.owner) for i in figures[:MOST_TERMS]):
        peers = [i for peer in scene.figures.peers for i in scene.figures.find(name, peer)[:1]]
        if scene.companies or OF_ALL.search(scene.text):
            yield from (peers, [*scene.figures.find(name, SELF)[:1], *peers])
            yield from ([*scene.figures.find(name, SELF)[:1], peer] for peer in peers)
        series = scene.figures.quarters(name, owner)[-4:] if OF_PARTS.search(scene.text) else []
        years = scene.figures.series(name, owner)[-4:] if OF_YEARS.search(scene.text) else []
        for row in (series, years):
            yield from (row[a:b] for a, b in combinations(range(len(row) + 1), 2) if b - a > 1)


def _halves(scene: Scene, figures: Sequence[Figure]) -> Iterator[Result]:
    """Compare the halves of a year with each other, and parts of the year with the whole."""
    for name, owner in dict.fromkeys((i.name, i.owner) for i in figures[:MOST_TERMS]):
        four = scene.figures.quarters(name, owner)[-4:]
        if len(four) == 4 and not four[0].dimension.startswith(("ratio", "multiple")):
            one, two = four[0].value + four[1].value, four[2].value + four[3].value
            ids = tuple(i.id for i in four)
            yield Result(abs(one - two), _own(four[0]), ids)
            for a, b in ((one, two), (two, one), (one, one + two), (two, one + two)):
                if a > 0 < b:
                    yield Result(a / b, FACTOR, ids)
                    yield Result(abs(a / b - 1), SHARE, ids)

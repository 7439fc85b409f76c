"""Comparisons of two figures, two companies or one figure over time: `exceeds`, `is below`, `more cash than debt`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from ert_backend.grounding.claims import decide as judged
from ert_backend.grounding.claims.decide import Outcome, Pair, Ruling, Test, decide
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Sort
from ert_backend.grounding.claims.sentence.arguments import denied, lefts, unreal
from ert_backend.grounding.claims.sentence.joint import both
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sentence.times import EVERY
from ert_backend.grounding.claims.words import predicates as words

EITHER: dict[str, Test] = {
    "down": judged.below,
    "up": judged.above,
    "same": judged.same,
    "at": lambda pair: judged.near(pair, 0.025, 0.05),
    "near": lambda pair: judged.near(pair, 0.13, 0.25),
    "cover": judged.covers,
    "short": judged.below,
}
NEGATED = re.compile(
    r"\b(?:not|never|hardly|scarcely|nowhere|no longer|only part\w*|partly|partially|in part|barely half)\b|n't\b"
)
# Whether existing money would cover a payment is evaluated on the amount that exists.
WOULD_DO = re.compile(r"\b(?:would|could|will) (?:not |easily |still |just |\w+ly )*(?:be |have )?(?:\w+ly )?$")
RELATIVE = frozenset({Sort.FACTOR, Sort.SHARE})
FALLING = re.compile(r"(?:fall|fell|slip|drop|s[ai]nk|sunk|tumbl|plung|crash|slid)")


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each comparison of the sentence."""
    for match in words.VERBS.finditer(scene.text):
        if not _of_growth(scene, match):
            yield from _verb(scene, match)
    never = [m.span() for m in words.NEVER_THAN.finditer(scene.text)]
    compared = [m for m in words.COMPARED.finditer(scene.text) if not OF_CHANGE.search(m[0])]
    for match in (m for m in compared if not any(start <= m.start() < end for start, end in never)):
        right = scene.after(match.end())
        if right is not None and not right.names and right.numeral is None and _number_at(scene, match.end() + 1):
            continue  # `reduced by more than $500 million in 2024`
        if right is not None and match["more"] != "faster" and match["less"] != "slower":
            yield from _ruled(scene, match, lefts(scene, match.start(), right), right, _test(match))
    for match in words.COMPANY.finditer(scene.text):
        yield from _companies(scene, match)
    for match in words.EARNS.finditer(scene.text):
        right = scene.after(match.end())
        names = next(names for verbs, names in words.EARNS_WHAT if re.match(verbs, match["verb"]))
        if right is not None and not right.names:
            when = next((m for m in scene.periods if match.start() < m.start < match.end()), None)
            left = Term(match.start(), match.start(), names, scene.subject(match.start()), when)
            yield from _ruled(scene, match, [left], right, _test(match))
    for match in words.ATTRIBUTE.finditer(scene.text):
        yield from _attribute(scene, match)


OF_CHANGE = re.compile(r"\b(?:increment|increase|rise|decline|pace|rate|growth)\b")
GROWTH_OF = re.compile(r"\b(?:growth|rise|increase|expansion) (?:of|in) [a-z][^;]*$")


def _of_growth(scene: Scene, match: re.Match[str]) -> bool:
    """Whether two changes are compared: `the growth of earnings exceeded that of revenue`."""
    that = re.match(r"\s(?:that|those) of\s", scene.text[match.end() :][:10])
    return that is not None and GROWTH_OF.search(scene.text[scene.clause(match.start())[0] : match.start()]) is not None


def _verb(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    kind = str(match.lastgroup)
    only = words.ONLY_PART.match(scene.text, match.end()) if kind == "cover" else None
    right = scene.after(only.end() if only else match.end())
    if right is None or (right.numeral is not None and not right.names):
        return
    if kind == "through":
        down = FALLING.match(match[0]) or right.names & {"52-week low", "Lowest analyst target"}
        kind = "down" if down else "up"
    if any(match.end() <= a.start < right.start and a.sort in RELATIVE for a in scene.amounts):
        return  # `equals 1.7 times EBITDA` is handled as an amount
    if kind in {"cover", "passive_cover"} and words.TIMES.match(scene.text, right.end):
        return
    if kind.startswith("passive"):
        test: Test = judged.below if kind == "passive_up" else _covered
        test = judged.opposite(test) if NEGATED.search(match[0]) else test
    else:
        test = EITHER[kind]
        test = judged.below if only or (kind == "cover" and words.IN_PART.match(scene.text, right.end)) else test
    left = lefts(scene, match.start(), right)
    if not right.names and not any(term.names for term in left):
        if re.search(r"premium|discount", match[0]):
            left = [replace(term, names=_named(scene, right) or words.VALUATION) for term in left]
        elif named := _named(scene, right):
            left = [replace(term, names=named) for term in left]
    if kind in {"cover", "short"}:  # `with an operating loss it could not cover its interest`
        left = [replace(term, loss=False) for term in left]
    yield from _ruled(scene, match, left, right, test)


def _number_at(scene: Scene, place: int) -> bool:
    return any(numeral.start == place for numeral in scene.numerals)


def _covered(pair: Pair) -> bool | None:
    return pair.difference <= 0


def _named(scene: Scene, right: Term) -> frozenset[str]:
    """Return the figure that companies are compared on: `larger than ALFA by revenue`."""
    by = words.BY_NAME.match(scene.text, right.end)
    about = scene.after(by.end()) if by else None
    return about.names if about is not None else frozenset()


def _ruled(scene: Scene, match: re.Match[str], left: Sequence[Term], right: Term, test: Test) -> Iterator[Ruling]:
    hypothetical = match.lastgroup in {"cover", "short"} and WOULD_DO.search(scene.text[: match.start()][-40:])
    if (unreal(scene, match.start()) and not hypothetical) or (right.numeral is not None and not right.names):
        return
    if denied(scene, match.start()):
        test = judged.opposite(test)
    for other in both(scene, match.end(), right):
        for term in left:
            outcome, ids = _over(scene, match.start(), term, other, test) or decided(scene, term, other, test)
            if outcome is not None:
                yield Ruling(match.start(), other.end, outcome, ids)


def _over(scene: Scene, place: int, left: Term, right: Term, test: Test) -> Outcome | None:
    """Check two figures of one company for each year of `in every one of the three years`."""
    said = EVERY.search(scene.text, *scene.clause(place))
    if said is None or not left.names or not right.names or left.owner != right.owner:
        return None
    unit = "quarters" if "quarter" in said[0] else "years"
    times = [m for m in scene.periods if m.period.quarter or (m.period.year and unit == "years")]
    if times:
        return None
    owner, found = left.owner or SELF, []
    for one, two in product(sorted(left.names), sorted(right.names)):
        rows = [
            scene.figures.quarters(name, owner) if unit == "quarters" else scene.figures.series(name, owner)
            for name in (one, two)
        ]
        couples = [(a, b) for a in rows[0] for b in rows[1] if a.period == b.period and a.dimension == b.dimension]
        found += (
            [
                all(
                    test(Pair(a.value - b.value, scene.figures.quotient(a, b), a.dimension, (a.id, b.id)))
                    for a, b in couples
                )
            ]
            if len(couples) > 1
            else []
        )
    return (any(found), ()) if found else None


def decided(scene: Scene, left: Term, right: Term, test: Test) -> Outcome:
    """Check a comparison of two different sides; None when unknown."""
    if not left.names and not right.names:
        return judged.UNKNOWN
    if not right.names and not _another(left, right):
        return judged.UNKNOWN
    return decide(scene.figures, left, right, test)


def _another(left: Term, right: Term) -> bool:
    return right.when is not None or right.owner != left.owner


def _test(match: re.Match[str]) -> Test:
    return judged.above if match["more"] else judged.below


def _attribute(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `more cash than debt`, `a higher net margin than ALFA`, `higher revenue in 2024 than in 2023`."""
    named = scene.after(match.end())
    if named is None or not named.names or scene.text[match.end() : named.start].count(" ") > 2:
        return
    if re.match(r"s?\s(?:declines?|falls?|drop|contraction|slide|increase|rise|gain)\b", scene.text[named.end :][:14]):
        return
    relative = words.TO_EQUITY.match(scene.text, named.end)
    if relative and named.names & {"Total debt"}:
        named = replace(named, end=relative.end(), names=frozenset({"Debt to equity"}))
    if words.PER_SALES.search(scene.text[max(0, match.start() - 20) : named.end]):
        named = replace(named, names=frozenset({"Net margin"}))
    than = words.NEAR.match(scene.text, named.end)
    right = scene.after(than.end()) if than else None
    if right is None and "than" not in scene.text and scene.subject(match.start()) in judged.OF_GROUP:
        right = Term(named.end, named.end, frozenset(), SELF)  # `neither peer has a higher yield`
    marked = words.MUCH.search(scene.text[: match.start()][-20:]) is not None
    if right is None and "than" not in scene.text and (marked or scene.text[: match.start()].endswith("the ")):
        others = {c.owner for c in scene.companies} - {scene.subject(match.start())}
        right = Term(named.end, named.end, frozenset(), others.pop()) if len(others) == 1 else None
    if right is None:
        return
    left = replace(named, owner=named.owner if named.named else scene.subject(match.start()))
    if named.names == {"Cash"} and words.BURNING.search(scene.text[: match.start()][-24:]):
        left = replace(left, names=frozenset({"Free cash flow"}), loss=True)
        right = replace(right, loss=True) if not right.names else right
    yield from _ruled(scene, match, [left], right, _test(match))


def _companies(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check `larger than ALFA by revenue`, `cheaper than its peers`; without a figure, by each possible one."""
    right = scene.after(match.end())
    if right is None or right.names or right.owner is None:
        return
    names, up = words.OF_COMPANIES[match["how"]]
    named = _named(scene, right)
    if match["by"]:
        spoken = [t for t in scene.terms if match.start("by") <= t.start and t.end <= match.end("by")]
        named = spoken[0].names if spoken and not match["ratio"] else named
    told = frozenset().union(*(term.names & names for term in scene.terms))
    names = told or names
    left = Term(match.start(), match.start(), named or names, scene.subject(match.start()))
    if (
        any(term.names for term in lefts(scene, match.start(), right))
        and not named
        and names == words.OF_COMPANIES["larger"][0]
    ):
        return
    yield from _ruled(scene, match, [left], right, judged.above if up else judged.below)

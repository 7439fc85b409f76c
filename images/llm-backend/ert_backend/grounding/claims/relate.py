"""Numbers that only say how two figures stand that the sentence tells: their ratio, difference or change. Pure.

What a reader could not settle by the words is settled here by arithmetic alone, where the words around the number say
that it relates something.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import combinations

from ert_backend.grounding.claims.decide import Ruling, values
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.sentence.arguments import unreal
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sizes import is_told

MOST = 8
CHANGED = re.compile(
    r"\b(?:drop|fall|rise|increase|gain|decline|decrease|jump|reduction|improvement|growth|loss|cut"
    r"|surge|slide|slump|plunge|change|swing|addition|or|up|down|climb|uplift|advance|contraction"
    r"|expansion)\s(?:(?:of|by|just|only|about|around|some|roughly|nearly|almost|over|more than"
    r"|less than|a|an|well|another|further|equivalent|to)\s)*$"
)
# `five dollars of debt for every dollar of cash`.
PER = re.compile(
    r"\b(?:for (?:every|each|one)|per|to (?:every|each)) (?:single )?(?:dollar|euro|yen|pound"
    r"|[a-z]?[$€£¥]1)\b(?! (?:share|of (?:\w+ )?share))"
)
EVERY_ONE = re.compile(
    r"\b(?:for|of|out of|on|in|from|with|per) (?:every|each"
    r"|a) (?:single )?(?:(?P<sign>[a-z]{0,2}[$€£¥])(?P<base>1|10|100|1,?000)(?![\d.,]*\d)"
    r"|(?P<word>dollar|euro|pound|yen))(?!\s(?:m|b|tr)illion)"
)
AGAINST = re.compile(r"\b(?:against|versus|vs\.?|compared with|compared to)\s(?:only\s|just\s|the\s)*$")
RATIO = re.compile(
    r"\s?(?:times|x|over)?\s?(?:of|as|what|the size|the level|that|over|larger|higher|greater|bigger"
    r"|more|out of|smaller|lower|less)\b"
)
COVERED = re.compile(
    r"\b(?:cover\w*|exceed\w*|repay\w*|retire\w*|clear\w*|meet\w*|pay\w*|fund\w*|financ\w*|outweigh\w*"
    r"|outnumber\w*|dwarf\w*|ratio|multiple|equal\w*|amount\w*|works? out|worth|represent\w*|equivalent"
    r"|top\w*)\b[^;]{0,90}$"
)
APART = re.compile(
    r"\s?(?:points?\s)?(?:\w+\s)?(?:above|below|more|less|higher|lower|over|under|off|short|shy|ahead|behind|larger|smaller|greater|bigger|dearer|cheaper"
    r"|beneath|premium|discount|apart|wider|narrower|better|worse|fewer|richer|up|down|upside|downside"
    r"|from|adrift|gap|difference|surplus|shortfall|excess|remain\w*|left|spare|north|south|in excess)\b"
)
APART_BEFORE = re.compile(
    r"\b(?:by|gap|difference|premium|discount|spread|surplus|shortfall|deficit|excess|exceed\w*|margin"
    r"|distance|lead|upside|downside|apart|separat\w*|leav\w*|left|remainder|another|further|additional"
    r"|extra)\s(?:(?:of|is|was|with|only|just|about|around|some|roughly|nearly|almost|over|more than"
    r"|less than|a|at|to|comes|between \D{3,80} (?:is|was))\s)*$"
)


def rulings(scene: Scene, told: Collection[str]) -> Iterator[Ruling]:
    """`told`: the ids of the figures whose numbers the sentence gives."""
    asked = [(amount, how) for amount in scene.amounts if amount.numeral and (how := _how(scene, amount))]
    if not asked:
        return
    figures = _figures(scene, told)
    series = _series(scene) if any("changed" in how for _, how in asked) else []
    for amount, how in asked:
        if unreal(scene, amount.start):
            continue
        if "against" in how and (item := _other(amount, figures, told)) is not None:
            yield Ruling(amount.start, amount.end, True, (item.id,), (amount.numeral,) if amount.numeral else ())
        if "changed" in how:
            yield from _changed(amount, series)
        if how in {"every", "cents"}:
            yield from _of_every(scene, amount, how, figures)
            continue
        for one, two in combinations(figures, 2):
            if one.dimension == two.dimension and _related(amount, one, two, how):
                numerals = (amount.numeral,) if amount.numeral else ()
                yield Ruling(amount.start, amount.end, True, (one.id, two.id), numerals)
                break


def _how(scene: Scene, amount: Amount) -> str:
    """Which relations the words around an amount allow."""
    before, behind = scene.text[max(0, amount.start - 110) : amount.start], scene.text[amount.end : amount.end + 40]
    how = "changed" if CHANGED.search(before) else ""
    if amount.sort is Sort.MONEY and scene.text[amount.end :].startswith(" cents") and EVERY_ONE.search(scene.text):
        return "cents"
    if amount.sort is Sort.MONEY and amount.value < 1000 and EVERY_ONE.search(scene.text):
        return "every"
    if amount.sort is Sort.MONEY and amount.value < 1000 and PER.search(scene.text):
        return "each"
    if amount.numeral is not None and AGAINST.search(before):
        how += "against"
    if amount.sort in {Sort.FACTOR, Sort.SHARE} and (RATIO.match(behind) or COVERED.search(before)):
        how += "ratio"
    if APART.match(behind) or APART_BEFORE.search(before):
        how += "apart"
    return how


def _series(scene: Scene) -> list[list[Figure]]:
    """The figures that the sentence names, over the years and over the quarters."""
    named = dict.fromkeys((name, t.owner or SELF) for t in scene.terms[:MOST] for name in sorted(t.names)[:2])
    taken = list(named)[:MOST]
    quarters = [scene.figures.quarters(*key)[-6:] for key in taken] if "quarter" in scene.text else []
    return [*(scene.figures.series(*key)[-5:] for key in taken), *quarters]


def _changed(amount: Amount, series: list[list[Figure]]) -> Iterator[Ruling]:
    """`a drop of 84%`, `or 12%`: the change of a figure between two times."""
    for items in series:
        for old, new in combinations(items, 2):
            apart = abs(new.value - old.value)
            if amount.sort in {Sort.MONEY, Sort.POINTS}:
                fits = (amount.sort is Sort.POINTS) == (old.dimension == "ratio") and amount.holds(apart)
            else:
                fits = old.value > 0 and (amount.holds(apart / old.value) or amount.holds(new.value / old.value))
            if fits and amount.numeral:
                yield Ruling(amount.start, amount.end, True, (old.id, new.id), (amount.numeral,))
                return


def _of_every(scene: Scene, amount: Amount, how: str, figures: list[Figure]) -> Iterator[Ruling]:
    """`for every $100 of revenue $8 is kept`, `26 cents of every dollar`: a ratio told in money."""
    base = EVERY_ONE.search(scene.text)
    if base is None or amount.numeral is None:
        return
    whole = float((base["base"] or "1").replace(",", ""))
    part = amount.value / (100 * whole if how == "cents" else whole)
    slack = amount.numeral.tolerance / (100 * whole if how == "cents" else whole)
    ratios = [item.value for item in figures if item.dimension == "ratio"]
    for one, two in combinations(figures, 2):
        if one.dimension == two.dimension and one.value and two.value:
            ratios += [one.value / two.value, two.value / one.value]
    if any(abs(abs(ratio) - part) <= slack for ratio in ratios):
        numerals = [n for n in scene.numerals if base.start() <= n.start < base.end()]
        yield Ruling(amount.start, amount.end, True, (), (amount.numeral, *numerals))


def _other(amount: Amount, figures: list[Figure], told: Collection[str]) -> Figure | None:
    """The figure of another company that a number stands for: `$2 billion against $1 billion`."""
    names = {item.name for item in figures if item.id in told}
    others = [item for item in figures if item.name in names and item.id not in told]
    return next((item for item in others if amount.numeral and is_told(amount.numeral, item)), None)


def _figures(scene: Scene, told: Collection[str]) -> list[Figure]:
    """The figures that the sentence names, and those whose numbers it gives, with the same of a company it names."""
    found: dict[str, Figure] = {}
    for term in scene.terms[:MOST]:
        for name in sorted(term.names)[:2]:
            for item in values(scene.figures, term, name, term.owner or SELF)[:2]:
                found[item.id] = item
    if told:
        for items in scene.figures.known.values():
            found |= {item.id: item for item in items if item.id in told}
    owners = {company.owner or SELF for company in scene.companies[:MOST]}
    for item in [*found.values()][:MOST]:
        for owner in sorted(owners - {item.owner}):
            found |= {i.id: i for i in scene.figures.find(item.name, owner)[:1]}
    return [*found.values()][:MOST]


def _related(amount: Amount, one: Figure, two: Figure, how: str) -> bool:
    left, right = abs(one.value), abs(two.value)
    if how == "each":
        return bool(left and right) and (amount.holds(left / right) or amount.holds(right / left))
    if amount.sort in {Sort.MONEY, Sort.POINTS}:
        money = one.dimension.startswith(("money", "per share", "count"))
        fits = money == (amount.sort is Sort.MONEY) and one.dimension != "multiple"
        return "apart" in how and fits and amount.holds(abs(one.value - two.value))
    if not left or not right or (one.value < 0) != (two.value < 0):
        return False
    quotients = (left / right, right / left)
    if "ratio" in how and any(amount.holds(quotient) for quotient in quotients):
        return True
    return "apart" in how and any(amount.holds(abs(quotient - 1)) for quotient in quotients)

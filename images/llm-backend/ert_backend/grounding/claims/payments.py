"""Payments out of cash and cash flow: `repay debt out of cash`, `two years of cash burn`, `a surplus of`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from ert_backend.grounding.claims import decide as judged
from ert_backend.grounding.claims.decide import Ruling, decide, pairs
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import NUMBERS, Sort
from ert_backend.grounding.claims.sentence.arguments import denied
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.claims.sentence.term import Term
from ert_backend.grounding.claims.sizes import is_told

REPAY = re.compile(
    r"\b(?P<verb>repay|pay off|pay down|retire|settle|clear|redeem|cover|fund|pay for|meet|extinguish|service"
    r"|finance|pay|afford)"
    r"\s(?:back\s)?(?:all (?:of )?|the whole of |every cent of )?(?=its |the |\w)"
)
SOURCE = re.compile(
    r"s?\s(?:in full\s|entirely\s|solely\s|comfortably\s|easily\s)?(?:out of|from|with|using|by using|purely from)\s"
)
POWER = re.compile(
    r"\b(?:(?P<can>can|could|able to|in a position to|has the means to|has enough to|sufficient to|enough to)"
    r"|(?P<cannot>cannot|can't|could not|couldn't|unable to|not able to|lacks? the means to|too little to"
    r"|not enough to|insufficient to|can not))"
    r"\s(?:\w+ly\s|still\s|even\s|now\s|always\s)*$"
)
_NUMBER = "|".join(sorted(NUMBERS, key=len, reverse=True))
RUNWAY = re.compile(
    rf"\b(?P<than>less than|under|fewer than|not even|barely|more than|over|at least|well over|about|around"
    rf"|roughly|some|nearly|almost|just over|just under|exactly|only)?\s?"
    rf"(?P<count>\d+(?:\.\d+)?|{_NUMBER})(?P<half>\sand\sa\shalf)?[\s-](?P<unit>years?|months?|quarters?)(?:'s?"
    rf"|s')?\s"
    r"(?:of\s|worth\sof\s)+(?:\w+\s){0,3}?(?:cash\sburn|burn(?:\srate)?|negative\sfree\scash\sflow"
    r"|free\scash\soutflow|cash\soutflow|outflows?|runway)"
)
LASTS = re.compile(
    rf"\b(?P<out>lasts?|lasted|gone|runs? out|ran out|run dry|exhausted|used up|spent|enough|sufficient"
    rf"|sustain\w*|burn(?:s|ed)? through|fund\w*|cover\w*|financ\w*|see the company|carry the company"
    rf"|keep the company)\s"
    rf"(?:(?:for|in|within|after|another|a|further|the|company|next|it|its|operations|losses|through|going|business|of|spending|to|last|cash)\s)*?"
    rf"(?P<than>less than|under|fewer than|not even|barely|more than|over|at least|well over|about"
    rf"|around|roughly|some|nearly|almost|just over|just under|exactly|only|little more than"
    rf"|little over)?\s?(?:another\s)?"
    rf"(?P<count>\d+(?:\.\d+)?|{_NUMBER})(?P<half>\sand\sa\shalf)?[\s-](?P<unit>years?|months?|quarters?)\b(?P<half2>\sand\sa\shalf)?"
)
BURN = re.compile(r"\b(?:burn\w*|outflows?|runway|negative free cash flow|cash drain|drain)\b")
RUNWAY_OF = re.compile(
    rf"\brunway\s(?:of|is|to|runs to|extends to|comes to|amounts to)\s(?P<than>less than|under|more than|over"
    rf"|at least|about|around|roughly|nearly|almost|just over|just under)?\s?(?P<count>\d+(?:\.\d+)?"
    rf"|{_NUMBER})(?P<half>\sand\sa\shalf)?\s(?P<unit>years?|months?|quarters?)"
)
LEFT = re.compile(
    r"\b(?:surplus|shortfall|deficit|gap|difference|excess|cushion|remainder|balance|buffer|headroom"
    r"|margin of safety|left(?: over)?|net)\s(?:of|is|was|comes to|amounts to"
    r"|between [^,;]{3,80}? (?:is|was|comes to|came to|amounts to|stands at))?\s?"
    r"(?:about\s|roughly\s|around\s|some\s|nearly\s|almost\s|just\s|over\s|only\s)*$"
)
BEHIND = re.compile(
    r"\s(?:surplus|shortfall|deficit|gap|excess|cushion|left over|to spare|left|in hand|difference|short)\b"
)
NETTED = re.compile(
    r"\b(?:gap|difference|spread|balance) between\b|\bnet of\b|\b(?:subtracting|deducting|netting"
    r"|stripping out|allowing for)\b|\bleft with\b"
)
AFTER_INVESTMENT = re.compile(
    r"\b(?:after|following|net of|once)\s(?:paying for\s|meeting\s|all\s|its\s"
    r"|the\s)*(?:capital (?:spending|expenditures?|investment|outlays?|projects)|capex|investments?"
    r"|capital budget)\b"
    r"[^;]{0,80}?\b(?P<what>(?P<short>deficit|shortfall|outflow|gap|hole|drain)|surplus|excess|inflow|left over)\b"
)
TOGETHER = re.compile(
    r"\b(?:together|combined|in total|sum of|jointly|in all|added up|adding up|between them|altogether|in aggregate)\b"
)
PER_YEAR = {"y": 1.0, "m": 12.0, "q": 4.0}


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check each such statement."""
    for match in REPAY.finditer(scene.text):
        yield from _repay(scene, match)
    patterns = (RUNWAY, RUNWAY_OF, LASTS) if BURN.search(scene.text) else (RUNWAY, RUNWAY_OF)
    for pattern in patterns:
        for match in pattern.finditer(scene.text):
            yield from _runway(scene, match)
    yield from _left(scene)
    yield from _after_investment(scene)
    yield from _together(scene)


def _repay(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check that the money covers the payment, or does not when the verb is `cannot`."""
    power = POWER.search(scene.text[max(0, match.start() - 50) : match.start()])
    owed = scene.after(match.end())
    if power is None or owed is None or not owed.names:
        return
    source = SOURCE.match(scene.text, owed.end)
    means = scene.after(source.end()) if source else None
    if means is None or not means.names:
        return
    outcome, ids = decide(scene.figures, means, owed, judged.covers)
    if outcome is not None:
        cannot = bool(power["cannot"]) or denied(scene, match.start() - len(power[0]))
        yield Ruling(match.start(), means.end, outcome != cannot, ids)


def _runway(scene: Scene, match: re.Match[str]) -> Iterator[Ruling]:
    """Check how long the cash lasts at the negative free cash flow, or else at the operating cash flow."""
    owner = scene.subject(match.start())
    cash = scene.figures.find("Cash", owner)
    burn = scene.figures.find("Free cash flow", owner) or scene.figures.find("Operating cash flow", owner)
    if not cash or not burn or burn[0].value >= 0:
        return
    lasts = cash[0].value / -burn[0].value * PER_YEAR[match["unit"][0]]
    count = float(NUMBERS.get(match["count"]) or match["count"]) + (
        0.5 if match["half"] or match.groupdict().get("half2") else 0.0
    )
    than = match["than"] or ""
    if denied(scene, match.start()):
        return
    if than in {"less than", "under", "fewer than", "not even", "barely"}:
        true = lasts < count * 1.02
    elif than in {"more than", "over", "at least", "well over"}:
        true = lasts > count * 0.98
    else:
        true = abs(lasts / count - 1) <= 0.2
    numerals = [n for n in scene.numerals if n.start < match.end() and match.start() < n.end]
    numerals += [n for n in scene.numerals if is_told(n, cash[0]) or is_told(n, replace(burn[0], value=-burn[0].value))]
    yield Ruling(match.start(), match.end(), true, (cash[0].id, burn[0].id), tuple(numerals))


def _left(scene: Scene) -> Iterator[Ruling]:
    """Check `a surplus of $240 million` as the difference of two figures that the sentence names."""
    for amount in scene.amounts:
        if amount.sort is not Sort.MONEY or amount.numeral is None:
            continue
        named = LEFT.search(scene.text[max(0, amount.start - 60) : amount.start]) or BEHIND.match(
            scene.text, amount.end
        )
        if named is None and not NETTED.search(scene.text):
            continue
        terms = [term for term in scene.terms if named is None or term.numeral is not amount.numeral][:6]
        terms = [Term(t.start, t.end, t.names, t.owner or SELF, t.when) for t in terms]
        found = [pair for one, two in combinations(terms, 2) for pair in pairs(scene.figures, one, two)]
        right = next(
            (pair for pair in found if amount.holds(abs(pair.difference)) and pair.dimension != "quotient"), None
        )
        if right is not None:
            yield Ruling(amount.start, amount.end, True, right.ids, (amount.numeral,))


def _after_investment(scene: Scene) -> Iterator[Ruling]:
    """Check `After capital spending, a cash deficit of $5 million` as free cash flow, by sign and size."""
    for match in AFTER_INVESTMENT.finditer(scene.text):
        owner = scene.subject(match.end())
        mention = scene.time(match.start(), match.end())
        found = scene.figures.find("Free cash flow", owner, mention.period if mention else None)
        short = match["short"] is not None
        for item in found[:1]:
            numerals = tuple(n for n in scene.numerals if n.start >= match.start("what") and is_told(n, _size(item)))
            yield Ruling(match.start("what"), match.end(), (item.value < 0) == short, (item.id,), numerals)


def _size(item: Figure) -> Figure:
    return replace(item, value=abs(item.value))


def _together(scene: Scene) -> Iterator[Ruling]:
    """Check `dividends and interest together took $1.24 billion` as the sum of the listed figures."""
    said = TOGETHER.search(scene.text)
    for amount in scene.amounts if said else ():
        if (
            amount.sort is not Sort.MONEY
            or amount.numeral is None
            or any(t.numeral is amount.numeral and glued(scene.text, t, t.numeral) for t in scene.terms if t.numeral)
        ):
            continue
        terms = [t for t in scene.terms if t.names][:4]
        for count in (2, 3):
            for chosen in combinations(terms, count):
                items = [scene.figures.find(min(t.names), t.owner or SELF, t.period) for t in chosen]
                if (
                    all(items)
                    and len({i[0].dimension for i in items}) == 1
                    and amount.holds(sum(i[0].value for i in items))
                ):
                    yield Ruling(amount.start, amount.end, True, (items[0][0].id,), (amount.numeral,))
                    return

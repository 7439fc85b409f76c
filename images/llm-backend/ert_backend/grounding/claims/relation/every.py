"""Ratios per unit of money: `for every $100 of revenue $8 is kept`, `five dollars of debt per dollar of cash`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from ert_backend.grounding.claims.decide import Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.relation.arithmetic import named
from ert_backend.grounding.claims.sentence.amounts import UNIT, Amount, Sort
from ert_backend.grounding.claims.sentence.scene import Scene
from ert_backend.grounding.facts import Period

EVERY_ONE = re.compile(
    r"\b(?:for|of|out of|on|in|from|with|per|to) (?:every|each|a|one) (?:single |revenue "
    r"|sales )?(?:(?P<sign>[a-z]{0,2}[$€£¥])"
    r"(?P<base>1|10|100|1,?000)(?![\d.,]*\d)|(?P<count>10|100|1,?000|ten|hundred) (?P<coin>" + UNIT + ")s?"
    r"|(?P<word>" + UNIT + r"))(?!\s(?:m|b|tr)illion)"
    r"|\bper (?P<bare>" + UNIT + r")\b(?! share)"
)


KEPT = (
    (re.compile(r"\b(?:lost|loses|losing|lose|earn\w*|profit|kept|keeps?|ma[dk]es?)\b"), "Net margin"),
    (re.compile(r"\b(?:burn\w*|consum\w+)\b"), "Free cash flow margin"),
    (re.compile(r"\bprofit\b"), "Net margin"),
    (re.compile(r"\bgross level\b"), "Gross margin"),
)


OF_SALES = {
    "Gross profit": "Gross margin",
    "Operating income": "Operating margin",
    "Net income": "Net margin",
    "EBITDA": "EBITDA margin",
}


def _kept(scene: Scene) -> list[Figure]:
    """Return the margins that `for every dollar of sales it lost 75 cents` is about."""
    years: list[Period | None] = [m.period for m in scene.periods if m.period.year]
    owner = scene.subject(len(scene.text))
    names = [name for pattern, name in KEPT if pattern.search(scene.text)]
    names += [OF_SALES[name] for term in scene.terms[:6] for name in sorted(term.names) if name in OF_SALES]
    return [i for name in names for when in (years or [None]) for i in scene.figures.find(name, owner, when)]


def of_every(scene: Scene, amount: Amount, known: Sequence[Figure]) -> Iterator[Ruling]:
    """Yield a `Ruling` for a number that is the ratio of two figures of the sentence, per unit of money."""
    base = EVERY_ONE.search(scene.text)
    if base is None or amount.numeral is None or base.start() <= amount.start < base.end():
        return
    count = (base["base"] or base["count"] or "1").replace(",", "")
    whole = float({"ten": "10", "hundred": "100"}.get(count, count))
    cents = scene.text[amount.end :].startswith((" cent", " pence")) or "cent" in amount.numeral.text
    if amount.sort is Sort.MONEY and amount.value < 1000:
        scale = 100 * whole if "cent" in amount.numeral.text and amount.value >= 1 else whole
    elif (base["count"] and amount.sort is Sort.MONEY) or (amount.sort is Sort.SHARE and cents):
        scale = whole
    else:
        return
    part, slack = amount.value / scale, (amount.numeral.tolerance or 0.5) / (100 if cents else whole)
    figures = [*known, *named(scene)]
    figures += _kept(scene)
    ratios = [item.value for item in figures if item.dimension in {"ratio", "multiple"}]
    for one, two in combinations(figures[:12], 2):
        if one.dimension == two.dimension and one.value and two.value:
            ratios += [one.value / two.value, two.value / one.value]
    if any(abs(abs(ratio) - part) <= slack for ratio in ratios):
        numerals = [n for n in scene.numerals if base.start() <= n.start < base.end()]
        yield Ruling(amount.start, amount.end, True, (), (amount.numeral, *numerals))

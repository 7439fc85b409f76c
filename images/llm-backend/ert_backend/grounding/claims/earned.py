"""Verbs that imply their figure: `earned $5 million`, `burned a quarter of a billion dollars`, `owes`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ert_backend.grounding.claims.decide import OF_GROUP, Ruling
from ert_backend.grounding.claims.known.figures import Figure
from ert_backend.grounding.claims.known.kinds import SELF
from ert_backend.grounding.claims.sentence.amounts import Amount, Sort
from ert_backend.grounding.claims.sentence.arguments import denied, unreal
from ert_backend.grounding.claims.sentence.glue import glued
from ert_backend.grounding.claims.sentence.scene import NETTED, Scene
from ert_backend.grounding.claims.sizes import is_told, size_in

_FILL = (
    r"(?:(?:about|around|roughly|nearly|almost|some|just|only|over|under|more|less|than|well|a|little"
    r"|of|up|another|as much as|close to|not quite|slightly|in excess|at least|through|not|an estimated"
    r"|cash)\s)*"
)
SPENT = re.compile(
    r"\b(?P<verb>earn(?:s|ed)|made|netted|lost|loses|burn(?:s|ed|t|ing)?|consumed|owes|owed|employs)\s" + _FILL + "$"
)
OF_VERB = (
    (r"earn|made|netted", ("Net income",), 1),
    (r"lost|loses", ("Net income",), -1),
    (r"burn|consumed", ("Free cash flow", "Operating cash flow"), -1),
    (r"owe", ("Total debt",), 1),
)
PASSIVE = re.compile(r"\s(?:was\s|were\s|of\scash\s|in\scash\s)?(?P<verb>burn(?:ed|t)|lost|earned|owed)(?!\w)")
# An explicit name overrides the implied one: `earned $5 million in operating income`; `lost $5 million of revenue`.
NAMED = re.compile(
    r"\s(?:\w+\s)?(?:in|of|from|as|on|per|before|worth)\s(?!cash\b(?!\sfl)(?!\sfr)|20|fy|the\s(?:year|first|second|third|fourth|latest|last|prior|previous|most)\b|fiscal|its\s\w+\s(?:year|quarter)|q\d|last\b|each\b|every\b|both\b)"
)

MOST = 12
_MULTIPLES = ("Trailing P/E", "Price to earnings", "Forward P/E", "Price to book", "Price to sales", "EV to EBITDA")
# Phrases that imply a figure without its name: a number equal to it belongs to it.
IMPLIED = [
    (re.compile(rf"\b(?:{phrases})\b"), names)
    for phrases, names in (
        (
            r"distribut\w+|pa(?:id|ys?|ying) out|hand(?:s|ed)\s"
            r"|(?:go|goes|went|returned|paid) to (?:its )?(?:share|stock)?holders|payout"
            r"|to (?:its )?(?:owners|investors)",
            ("Dividends", "Payout ratio", "Dividend per share"),
        ),
        (r"invest\w*|plough\w* back|plant and equipment", ("Capital expenditure",)),
        (r"ow(?:es|ed|ing)|borrow\w*|lenders|creditors|indebted\w*|leverage\w*", ("Total debt", "Debt to equity")),
        (r"burn\w*|consum\w+", ("Free cash flow",)),
        (r"valu\w+|worth|stock market|investors pay", ("Market capitalisation", *_MULTIPLES)),
        (r"trad(?:e|es|ed|ing)|changes? hands|quoted|priced", ("Share price", *_MULTIPLES)),
        (r"sells|sold|turns over", ("Revenue",)),
        (r"volatil\w+", ("Beta",)),
        (r"employ\w*", ("Employees",)),
    )
]

QUALIFIED = re.compile(
    r"\s(?:in|of)\s(?!(?:fy|20|the\s)|[^a-z])|\s?(?:times\s|x\s)?(?:its\s)?(?:trailing|forward|expected|past|next|this)\b"
)


def rulings(scene: Scene) -> Iterator[Ruling]:
    """Check the amount against the figure; reject the value of a different year."""
    yield from _implied(scene)
    for amount in scene.amounts:
        if amount.sort is not Sort.MONEY or amount.numeral is None or amount.numeral.currency is None:
            continue
        before = SPENT.search(scene.text[max(0, amount.start - 60) : amount.start])
        behind = PASSIVE.match(scene.text, amount.end)
        if before and scene.text[: amount.start - len(before[0])].endswith(("together ", "combined ", "jointly ")):
            continue
        found = before or behind
        if found is None or unreal(scene, amount.start) or NAMED.match(scene.text, amount.end):
            continue
        if re.match(r"\s(?:more|less|fewer)\sthan\s(?:it|they|its|the)\b", scene.text[amount.end :][:24]):
            continue
        place = amount.start - len(before[0]) if before else amount.start
        yield from _earned(scene, amount, found["verb"], denied(scene, place))


def _free(scene: Scene, match: re.Match[str]) -> bool:
    """Whether a word is not part of the name of a figure."""
    return not any(term.start < match.end() and match.start() < term.end for term in scene.terms)


def _implied(scene: Scene) -> Iterator[Ruling]:
    """Yield a true `Ruling` for each number without a name that is the figure which the rest of its clause imply."""
    for numeral in scene.numerals[:MOST]:
        if any(term.numeral is numeral and term.names and glued(scene.text, term, numeral) for term in scene.terms):
            continue
        names = {
            name
            for phrases, implied in IMPLIED
            for m in phrases.finditer(scene.text)
            if _free(scene, m)
            for name in implied
        }
        owner, mention = scene.subject(numeral.start), scene.time(numeral.start, numeral.end)
        if owner in OF_GROUP or QUALIFIED.match(scene.text, numeral.end):
            continue
        items = [
            i for name in sorted(names) for i in scene.figures.find(name, owner, mention.period if mention else None)
        ]
        right = next((item for item in items if is_told(numeral, item)), None)
        if right is not None:
            yield Ruling(numeral.start, numeral.end, True, (right.id,), (numeral,))


def _earned(scene: Scene, amount: Amount, verb: str, deny: bool) -> Iterator[Ruling]:
    names, sign = next(((names, sign) for verbs, names, sign in OF_VERB if re.match(verbs, verb)), ((), 1))
    if names == ("Total debt",) and NETTED.search(scene.text):
        names = ("Net debt",)
    mention = scene.time(amount.start, amount.end)
    owner = scene.subject(amount.start)
    results = []
    for name in names:
        items = scene.figures.find(name, owner, mention.period if mention else None)
        if not items and mention is not None and mention.vague:
            items = scene.figures.find(name, owner)
        for item in items:
            so = _is_so(amount, item, sign, [*scene.figures.known.get((owner or SELF, name), ())])
            if so is not None:
                results.append((so, item.id))
    if not results or deny:
        return
    true = next((result for result in results if result[0]), results[0])
    yield Ruling(amount.start, amount.end, true[0], (true[1],), (amount.numeral,) if amount.numeral else ())


def _is_so(amount: Amount, item: Figure, sign: int, others: list[Figure]) -> bool | None:
    numeral = amount.numeral
    size = size_in(item, numeral) if numeral else None
    if size is None or numeral is None:
        return None
    if size * sign <= 0:
        return False
    off = abs(abs(size) - abs(numeral.value))
    # Within rounding it may be this figure, but it is the exact value of a different year.
    rounded = amount.low != 0.0 and amount.high < float("inf") and off > 0.96 * numeral.tolerance
    if rounded and any(i is not item and i.value == numeral.value * sign for i in others):
        return False
    return amount.holds(abs(size))

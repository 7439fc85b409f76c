"""Parser for values written without digits: `two billion dollars`, `twenty-five percent`, `a third of`, `doubled`.

A small number without a unit (`three segments`) is usually a count of things, not a figure, and is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SCALES = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mm": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
    "t": 1e12,
    "tn": 1e12,
    "trillion": 1e12,
}
APPROXIMATE = (
    "about|around|roughly|approximately|nearly|almost|some|close to|over|more than|above|under|less than|just over"
    "|just under|well over|circa|an estimated"
)
ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
ONES = {word: number for number, word in enumerate(f"{SMALL} eighteen nineteen".split())}
TENS = {word: 10 * tens for tens, word in enumerate(ROUND.split(), 2)}
_WORD = "|".join(sorted([*ONES, *TENS, "hundred", "thousand", "million", "billion", "trillion"], key=len, reverse=True))
WORDS = {"dollars": "$", "euros": "EUR", "euro": "EUR", "pounds": "GBP", "yen": "JPY"}
OF_COUNTRY = {"canadian": "CAD", "australian": "AUD", "hong kong": "HKD", "singapore": "SGD", "new zealand": "NZD"}
_DOLLARS = r"(?:(?:U\.?S\.?|Canadian|Australian|Hong Kong|Singapore|New Zealand) )?dollars"
_UNIT = (
    r"(?:cents (?:of|on|from|out of|in) (?:every|each) (?:dollar|euro)|per ?cent|percentage points?|basis points?"
    rf"|times|-?fold|{_DOLLARS}|euros?|pounds|yen)(?=\W|$)"
)
NUMBER = re.compile(
    rf"\b(?P<minus>minus |negative )?(?P<words>(?:a (?=hundred|thousand|million|billion|trillion))?(?:{_WORD})"
    rf"(?:(?:[ -]| and |\s+point\s+)(?:{_WORD}))*)\b(?P<half> and a half(?= per ?cent| dollars| percentage))?"
    rf"(?:[ -](?P<unit>{_UNIT}))?",
    re.IGNORECASE,
)
# Written without a number: (pattern, percent, tolerance in percentage points, whether it has a sign).
SAID = (
    (re.compile(r"\b(?:one[- ])?half of(?= (?:its|the|all|total|revenue|sales))", re.IGNORECASE), 50.0, 2.5, False),
    (re.compile(r"\b(?:a|one)[- ]third of\b", re.IGNORECASE), 100 / 3, 2.0, False),
    (re.compile(r"\btwo[- ]thirds of\b", re.IGNORECASE), 200 / 3, 2.5, False),
    (
        re.compile(
            r"\b(?:a|one)[- ]quarter of\b(?! (?:the (?:year|four|period)|(?:fy ?|fiscal )?(?:19|20)\d\d))",
            re.IGNORECASE,
        ),
        25.0,
        1.5,
        False,
    ),
    (re.compile(r"\bthree[- ]quarters of\b", re.IGNORECASE), 75.0, 2.5, False),
    (
        re.compile(r"\b(?:more than |nearly |almost )?(?:has |have )?doubl(?:ed|ing)\b", re.IGNORECASE),
        100.0,
        10.0,
        True,
    ),
    (
        re.compile(r"\b(?:more than |nearly |almost )?(?:has |have )?tripl(?:ed|ing)\b", re.IGNORECASE),
        200.0,
        15.0,
        True,
    ),
    (re.compile(r"\bquadrupl(?:ed|ing)\b", re.IGNORECASE), 300.0, 20.0, True),
    (re.compile(r"\bhalv(?:ed|ing)\b", re.IGNORECASE), -50.0, 5.0, True),
)
# `a quarter of a billion dollars`, `half a million`, `one and a half billion euros`.
PART_OF = re.compile(
    rf"\b(?P<part>half|(?:an?|one|three)[ -]quarters?(?= of)|(?:an?|one|two)[ -]thirds?(?= of)"
    rf"|(?P<whole>{'|'.join(ONES)}) and a half)"
    rf" (?:of )?(?:an? )?(?P<scale>million|billion|trillion)\b(?: (?P<unit>{_UNIT}))?",
    re.IGNORECASE,
)
PARTS = {"half": 0.5, "quarter": 0.25, "three quarters": 0.75, "third": 1 / 3, "two thirds": 2 / 3}
LOOSELY = re.compile(
    r"\b(?:about|around|roughly|nearly|almost|close to|approximately|some|not quite|(?:just"
    r"|little) (?:over|under|more than|less than))\s$",
    re.IGNORECASE,
)
CLAIM_FROM = 13
# Larger than any figure of a company; a larger value is reduced to this.
LARGEST = 1e200


@dataclass(frozen=True, slots=True)
class Spelled:
    """One number written without digits; the fields are those of `Numeral`."""

    text: str
    value: float
    tolerance: float
    kind: str
    signed: bool
    start: int
    end: int
    currency: str | None = None


def spelled(text: str) -> Iterator[Spelled]:
    """Yield each number written without digits, except small counts."""
    parts = [_part(match, text) for match in PART_OF.finditer(text)]
    yield from parts
    taken = {place for part in parts for place in range(part.start, part.end)}
    for match in NUMBER.finditer(text):
        if match.start() in taken or match.end() - 1 in taken:
            continue
        unit = (match["unit"] or "").lower().lstrip("-")
        words = re.split(r"[\s-]+", match["words"].lower())
        value, tolerance = _value(words)
        if match["half"]:
            value, tolerance = value + 0.5, 0.1
        scaled = any(word in SCALES for word in words)
        if not unit and not scaled and value < CLAIM_FROM:
            continue
        factor = 0.01 if unit.startswith("basis") else 1.0
        signed = match["minus"] is not None
        yield Spelled(
            match[0],
            value * factor * (-1 if signed else 1),
            tolerance * factor,
            _kind(unit),
            signed,
            match.start(),
            match.end(),
            _currency(unit),
        )
    for pattern, percent, tolerance, signed in SAID:
        for match in pattern.finditer(text):
            if match.start() in taken:
                continue
            yield Spelled(match[0], percent, tolerance, "percent", signed, *match.span())


def _part(match: re.Match[str], text: str) -> Spelled:
    """Parse a part of a million, a billion or a trillion: tolerance 3 %, or 15 % after `about` and the like."""
    part = re.sub(r"^(?:an?|one)[ -]", "", match["part"].lower()).replace("-", " ")
    share = ONES[match["whole"].lower()] + 0.5 if match["whole"] else PARTS[part]
    value = share * SCALES[match["scale"].lower()]
    unit = (match["unit"] or "").lower()
    loose = LOOSELY.search(text[max(0, match.start() - 20) : match.start()]) is not None
    minus = re.search(r"\b(?:minus|negative)\s$", text[max(0, match.start() - 10) : match.start()], re.IGNORECASE)
    sign = -1 if minus else 1
    slack = value * (0.15 if loose else 0.03)
    return Spelled(
        match[0], sign * value, slack, _kind(unit), minus is not None, match.start(), match.end(), _currency(unit)
    )


def _value(words: list[str]) -> tuple[float, float]:
    """Return the number and half a unit of its scale: `two billion` has a tolerance of half a billion."""
    if "point" in words:
        cut = words.index("point")
        whole, rest = _whole(words[:cut]), [word for word in words[cut + 1 :] if word in ONES]
        scale = next((SCALES[word] for word in words if word in SCALES), 1.0)
        decimals = "".join(str(ONES[word]) for word in rest)
        return (whole + float(f"0.{decimals or 0}")) * scale, 0.5 * 10.0 ** -len(decimals) * scale
    last = next((SCALES[word] for word in reversed(words) if word in SCALES), 1.0)
    tail = [word for word in words if word not in SCALES and word not in {"and", "a"}]
    rounded = 100.0 if words[-1] == "hundred" else 1.0
    exact = 1.0 if words[-1] not in SCALES and last > 1 and tail else last
    return _whole(words), 0.5 * exact * rounded


def _whole(words: list[str]) -> float:
    total = part = 0.0
    for word in words:
        if word in SCALES:
            total, part = total + (part or 1.0) * SCALES[word], 0.0
        elif word == "hundred":
            part = (part or 1.0) * 100
        else:
            part += ONES.get(word, TENS.get(word, 0))
    return min(total + part, LARGEST)


def _kind(unit: str) -> str:
    if unit.startswith(("per", "basis", "cents")):
        return "percent"
    if unit in {"times", "fold"}:
        return "multiple"
    return "money" if unit else "plain"


def _currency(unit: str) -> str | None:
    country, _, word = unit.rpartition(" ")
    return OF_COUNTRY.get(country) if word == "dollars" and country in OF_COUNTRY else WORDS.get(word)

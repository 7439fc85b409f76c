"""Amounts that relate two figures: `twice`, `by a third`, `60%`, `by a factor of four`."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ert_backend.grounding.numerals import Kind, Numeral


class Sort(StrEnum):
    """The type of an amount: a quotient, a relative difference, percentage points or money."""

    FACTOR = "factor"
    SHARE = "share"
    POINTS = "points"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount with its accepted range, `low` to `high`."""

    start: int
    end: int
    sort: Sort
    value: float
    low: float
    high: float
    numeral: Numeral | None = None

    def holds(self, value: float) -> bool:
        """Whether a value is in the accepted range."""
        slack = 1e-9 * max(1.0, abs(value))
        return self.low - slack <= value <= self.high + slack


_ONES = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|hundred"
NUMBERS = {"a": 1, "an": 1, "one": 1} | {w: n for n, w in enumerate(_ONES.split("|")[:11], 2)}
NUMBERS |= {"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100}
PARTS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
}
PARTS |= {"ninth": 9, "tenth": 10, "twentieth": 20}
UNIT = "(?:dollar|euro|pound|yen|franc|krona|krone|crown|rupee|real|rand|peso|won|yuan|zloty)"
_PART = "|".join(PARTS)
_NUMBER = "|".join(NUMBERS)
WORDS = re.compile(
    rf"""
    (?<![\w.$])(?:
      (?P<mixed>{_NUMBER}|\d{{1,2}})\sand\s(?:a|one)\s(?P<mixed_part>half|third|quarter)
        (?!\s(?:m|b|tr)illion)(?P<mixed_unit>\sfold
        |\stimes|\s(?:percentage\s)?points?)?
    | (?P<part_of>{_NUMBER}|\d{{1,2}})\s(?:(?:{UNIT}s?)\s)?(?:in|out\sof)\s(?:every\s)?(?P<whole_of>{_NUMBER}|\d{{1,3}})
        (?=\s(?:{UNIT}s?\s)?of\s)(?P<unit_of>\s{UNIT}s?(?=\sof\s))?
    | (?P<fold>{_NUMBER}|\d+(?:\.\d+)?)[ ]?fold
    | (?:a\s)?factor\sof\s(?:about\s|roughly\s|nearly\s|almost\s|more\sthan\s|over\s
      |some\s)?(?P<factor>(?:{_NUMBER})(?!\w)|\d+(?:\.\d+)?)(?P<factor_half>\sand\sa\shalf)?
    | (?P<times>{_NUMBER}|\d+(?:\.\d+)?)[ ]?(?:times|x)(?:\sover)?(?!\w)
    | (?P<points>{_NUMBER})(?:\sfull)?\s(?:percentage\s)?points?
    | (?P<over>two|three|four|five|six|ten|\d+)\stimes\sover
    | (?P<twice>twice|double|twofold|two\sfold|thrice|triple|treble|quadruple)(?!d)(?=\W|$)
    | (?:the\sequivalent\sof\s)?(?:(?P<count>{_NUMBER})\s)?(?P<part>{_PART})s?(?!\w)(?!\squarter)
        (?!\s(?:of\s)?(?:an?\s)?(?:m|b|tr)illion|\sof\s(?:fy\s?|fiscal\s)?20\d\d|\sof\sthe\s(?:year|four)\b)(?<!the\sfourth)(?<!the\sthird)
    )
    """,
    re.VERBOSE,
)
TWICE = {"twice": 2, "double": 2, "twofold": 2, "two fold": 2, "thrice": 3, "triple": 3, "treble": 3, "quadruple": 4}
LESS = re.compile(
    r"\b(?:less than|under|below|fewer than|no more than|at most|not even(?: \w+)?|short of|shy of|up to|smaller than"
    r"|lower than)\s+(?:a |an )?$"
)
MORE = re.compile(
    r"\b(?:more than|over|above|in excess of|at least|upwards of|better than|no less than|well over"
    r"|greater than)\s+(?:a |an )?$"
)
ABOUT = re.compile(
    r"\b(?:about|around|roughly|approximately|some|circa|close to|nearly|almost|just (?:under|over|below|above)"
    r"|a (?:little|bit|touch) "
    r"(?:over|under|above|below|more than|less than)|slightly (?:over|under|above|below|more than|less than)"
    r"|near|or so"
    r"|just shy of)\s+(?:a |an )?$"
)
JUST = re.compile(
    r"(?:just|slightly|little|bit|touch|shade) (?:over|under|above|below|more than|less than)\s+(?:a |an )?$"
)
MULTIPLIED = re.compile(r"\b(?:multipl\w+ (?:\w+ )?by|factor of) (?:about |almost |nearly |over |some )?$")
UP_TO = re.compile(r"no more|at most|up to")
EXACT, LOOSE, EDGE = 0.06, 0.15, 1e-6


def worded(text: str) -> Iterator[Amount]:
    """Yield each amount without digits, and each with `times`."""
    for match in WORDS.finditer(text):
        value, part = _value(match)
        if match["points"] or (match["mixed_unit"] or "").endswith(("point", "points")):
            yield _bounded(text, match.span(), Sort.POINTS, value / 100, step=0.005)
        elif value:
            yield _bounded(text, match.span(), Sort.SHARE if part else Sort.FACTOR, value)


def numeric(text: str, numeral: Numeral) -> Amount:
    """Return a number with its unit as an amount."""
    said = text[numeral.start : numeral.end]
    points = re.search(r"point|\bbps?\b|\dbps?\b|\bpp\b", said) or re.match(
        r"\s?(?:percentage )?points", text[numeral.end : numeral.end + 19]
    )
    if numeral.kind is Kind.PLAIN and MULTIPLIED.search(text[: numeral.start][-24:]):
        sort, scale = Sort.FACTOR, 1.0
    elif numeral.kind is Kind.PLAIN and re.match(r"\s(?:cents|pence)\b", text[numeral.end : numeral.end + 7]):
        sort, scale = Sort.MONEY, 0.01
    elif numeral.kind is Kind.PLAIN and points:
        sort, scale = Sort.POINTS, 0.01
    elif numeral.kind is Kind.MONEY or numeral.kind is Kind.PLAIN:
        sort, scale = Sort.MONEY, 1.0
    elif numeral.kind is Kind.MULTIPLE:
        sort, scale = Sort.FACTOR, 1.0
    else:
        sort, scale = (Sort.POINTS if points else Sort.SHARE), 0.01
    value = abs(numeral.value) * scale
    return _bounded(text, (numeral.start, numeral.end), sort, value, numeral=numeral, step=numeral.tolerance * scale)


def _value(match: re.Match[str]) -> tuple[float, bool]:
    if match["mixed"]:
        whole = NUMBERS.get(match["mixed"]) or float(match["mixed"])
        return whole + 1 / PARTS[match["mixed_part"]], False
    if match["part_of"]:
        whole = NUMBERS.get(match["whole_of"]) or float(match["whole_of"])
        part = NUMBERS.get(match["part_of"]) or float(match["part_of"])
        return (part / whole if part < whole else 0.0), True
    if match["twice"]:
        return float(TWICE[match["twice"]]), False
    if match["part"]:
        count = NUMBERS.get(match["count"] or "", 1)
        value = count / PARTS[match["part"]]
        return (value if value < 1 else 0.0), True
    said = next(match[name] for name in ("fold", "factor", "times", "points", "over") if match[name])
    more = 0.5 if match["factor_half"] else 0.0
    return float(NUMBERS.get(said) or (said if said[0].isdigit() else 0)) + more, False


def _bounded(
    text: str, place: tuple[int, int], sort: Sort, value: float, *, numeral: Numeral | None = None, step: float = 0.0
) -> Amount:
    """Return an amount with the range that the qualifier before it allows; `step`: half a unit of its last digit."""
    start, end = place
    before = text[max(0, start - 30) : start]
    slack = step or EXACT * value
    if numeral is None and value >= 3:
        slack = max(slack, 0.5 if value == int(value) else 0.1)
    low, high = value - slack, value + slack
    if just := JUST.search(before):
        over = re.search(r"over|above|more", just[0]) is not None
        low, high = (min(low, value * 0.99), value * 1.2) if over else (value * 0.8, max(high, value * 1.01))
    elif ABOUT.search(before):
        low, high = min(low, value * (1 - LOOSE)), max(high, value * (1 + LOOSE))
    elif less := LESS.search(before):
        low, high = 0.0, value + (step or (0.0 if UP_TO.match(less[0]) else -EDGE * value))
    elif more := MORE.search(before):
        low, high = (
            value - (step or (0.0 if more[0].startswith(("at least", "no less")) else -EDGE * value)),
            float("inf"),
        )
    return Amount(start, end, sort, value, low, high, numeral)


def amounts(text: str, numerals: Sequence[Numeral]) -> list[Amount]:
    """Return every amount of a sentence in order; those with digits are from the `Numeral` list."""
    said = list(worded(text))
    found = [numeric(text, n) for n in numerals if n.kind is not Kind.PERIOD]
    kept: list[Amount] = []
    gone: set[int] = set()
    starts = [word.start for word in said]
    for amount in found:
        near = said[max(0, bisect_left(starts, amount.start) - 2) : bisect_left(starts, amount.end)]
        clash = next((w for w in near if w.start < amount.end and amount.start < w.end), None)
        spoken = clash is not None and not re.search(r"\d", text[amount.start : amount.end])
        longer = clash is not None and amount.end - amount.start > clash.end - clash.start
        if clash is None or (longer and not spoken):
            kept.append(amount)
            gone |= {clash.start} if clash else set()
        else:
            gone.add(clash.start)
            kept.append(replace(clash, numeral=amount.numeral))
    return sorted([*kept, *(word for word in said if word.start not in gone)], key=lambda amount: amount.start)

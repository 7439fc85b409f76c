"""Parser for numbers in text: sign, currency, grouping, scale, percent and multiple, at the precision written.

Skips those that are no figures of the company (52-week, 10-K, S&P 500, list items, ordinals, 5G). `spelled` parses
those without digits, `periods` parses years and dates.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from ert_backend.grounding.spans import Span, Spans
from ert_backend.grounding.spelled import APPROXIMATE, LARGEST, OF_COUNTRY, SCALES, WORDS, Spelled, spelled
from ert_backend.grounding.supplied.currency import CODES as CURRENCIES


class Kind(StrEnum):
    """The type of a `Numeral`, from the signs around it."""

    MONEY = "money"
    PERCENT = "percent"
    MULTIPLE = "multiple"
    PLAIN = "plain"
    PERIOD = "period"


@dataclass(frozen=True, slots=True)
class Numeral:
    """One number of a text: `tolerance` is half a unit of its last written digit; `signed` if it has a sign."""

    text: str
    value: float
    tolerance: float
    kind: Kind
    signed: bool
    start: int
    end: int
    currency: str | None = None


# Maximum length of the context before a number: `an estimated US$` and its spaces fit.
BACK = 60
SYMBOLS = {"$": "$", "€": "EUR", "£": "GBP", "¥": "JPY", "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD"}
SYMBOLS |= {"HK$": "HKD", "NZ$": "NZD", "S$": "SGD", "NT$": "TWD", "R$": "BRL", "Mex$": "MXN", "₹": "INR", "₩": "KRW"}
# The currency of each minor unit; cents belong to several.
MINOR_UNITS = {"pence": "GBP", "penny": "GBP", "pennies": "GBP", "p": "GBP", "euro cents": "EUR", "euro cent": "EUR"}
MINOR_UNITS |= dict.fromkeys(("cents", "cent", "c", "\u00a2"), "\u00a2")
_SIGNS = "|".join(re.escape(sign) for sign in sorted(SYMBOLS, key=len, reverse=True))
CODES = "|".join(sorted(CURRENCIES))
MINUS = r"\-" + "\u2212\u2013"
NUMERAL = re.compile(
    rf"""
    (?<![\w.,])(?<![A-Za-z][-\u2212])
    (?P<sign>[+{MINUS}](?=[\d.]|{_SIGNS}))?
    (?P<currency>{_SIGNS}|\b(?:{CODES})\s?(?=[\d{MINUS}]))?\s?
    (?P<inner>[{MINUS}])?
    (?P<digits>\d{{1,3}}(?:[,\u00a0\u202f]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+]?\d{{1,2}})?|\.\d+)(?![\d]
      |\.\d|[,]\d)
    (?:[ \u00a0-]?(?P<scale>thousand|million|billion|trillion|bn|mn|tn|mm|[KkMmBbT](?!\w)))?
    (?:[\s\u00a0-]?(?P<unit>%|(?:per\ ?cent|percent|percentage)(?:\ points?)?\b|pct\b|pp\b|bps?\b|basis\ points?\b
       |cents?\ (?:of|on|from|out\ of|in)\ (?:every|each)\ (?:dollar|euro)\b|x\b|times\b|-?fold\b
       |(?:(?:U\.?S\.?|Canadian|Australian|Hong\ Kong|Singapore|New\ Zealand)\ )?dollars\b|euros?\b|pounds\b|yen\b
       |pence\b|penny\b|pennies\b|(?<=\d)p\b|(?:euro\ )?cents?\b|(?<=\d)[c\u00a2](?!\w)
       |(?:{CODES})\b))?
    (?![A-Za-z])
    """,
    re.VERBOSE,
)

# Names that contain a number (SEC forms, indices, look-back windows, ordinals, technologies), and list items.
NAMES = re.compile(
    r"\b(?:5[23][- ](?:or[- ]5[23][- ])?weeks?|52- or 53-week|1[02]-[KQ]s?|20-Fs?|8-Ks?|S&P 500"
    r"|Russell [123]000|Nasdaq[- ]100"
    r"|FTSE 100|Fortune (?:100|500|1000)|Global 2000|401\(k\)|24/7|360[- ]degree"
    r"|\d{1,3}[- ](?:year|month|week|day|quarter)s?\b"
    r"(?=[- ](?:period|average|high|low|target|range|basis|window|horizon|view))"
    r"|\d{1,3}-(?:year|month|week|day|quarter))\b"
    r"|\b\d+(?:st|nd|rd|th)\b"
    r"|^[^\S\n]*\(?\d{1,2}[.)](?=\s)|(?<=\s)\(\d\)(?=\s)|(?:step|point|item|section|table|figure|note|number|no\."
    r"|#)\s?\d{1,2}\b",
    re.IGNORECASE | re.MULTILINE,
)
JOINED = re.compile(r"\s*(?:-|\u2013|\u2014|to|and|or)\s*")
ABOUT = re.compile(rf"\b(?:{APPROXIMATE})\s*(?:US\$|[$€£¥])?\s*$", re.IGNORECASE)
EITHER = re.compile(r"\b(?:between|either)\s*$")
OPENS = re.compile(r"(?:\b(?:of|was|is|were|at|to|by|totaled|totalled|reached)|[:=])\s*\($", re.IGNORECASE)


def read(text: str, skipped: Iterable[Span] = ()) -> list[Numeral]:
    """Return every `Numeral` of `text` in order, with or without digits, except in names and `skipped` spans."""
    names = Spans([*(match.span() for match in NAMES.finditer(text)), *skipped])
    found = [_numeral(match, text) for match in NUMERAL.finditer(text) if not names.touch(*match.span("digits"))]
    words = [_worded(item) for item in spelled(text) if not names.touch(item.start, item.end)]
    taken = Spans((numeral.start, numeral.end) for numeral in found)
    found += [numeral for numeral in words if not taken.touch(numeral.start, numeral.end)]
    return _ranges(sorted(found, key=lambda numeral: numeral.start), text)


def _ends_with(pattern: re.Pattern[str], text: str, end: int) -> bool:
    """Whether `pattern`, which ends in `$`, matches directly before `end`, within the last `BACK` characters."""
    return pattern.search(text, max(0, end - BACK), end) is not None


def _numeral(match: re.Match[str], text: str) -> Numeral:
    digits, _, power = re.sub(r"[,\u00a0\u202f]", "", match["digits"]).lower().partition("e")
    unit = (match["unit"] or "").lower().replace("-", "")
    hundredth = unit in MINOR_UNITS or unit.startswith(("bp", "basis"))
    scale = SCALES.get((match["scale"] or "").lower(), 1.0) * (0.01 if hundredth else 1.0)
    scale *= 10.0 ** int(power or 0)
    negative = any((match[name] or "+") in MINUS for name in ("sign", "inner")) or _bracketed(match, text)
    value = min(float(digits), LARGEST) * scale
    about = "." not in digits and _ends_with(ABOUT, text, match.start())
    tolerance = max(0.5 * 10.0 ** -len(digits.partition(".")[2]), _slack(digits) if about else 0.0) * scale
    currency = _currency(match["currency"], unit)
    return Numeral(
        text=match[0].strip(),
        value=-value if negative else value,
        tolerance=tolerance,
        kind=_kind(currency, unit),
        signed=negative or match["sign"] is not None,
        start=match.start(),
        end=match.start() + len(match[0].rstrip()),
        currency=currency,
    )


def _bracketed(match: re.Match[str], text: str) -> bool:
    """Whether the brackets are a minus sign: `net income was ($1.2B)` is a loss; `revenue ($1.2B)` is an aside."""
    return text[match.end() : match.end() + 1] == ")" and _ends_with(OPENS, text, match.start())


def _slack(digits: str) -> float:
    """Return the tolerance of `about 390`: half a unit of the last digit that is not zero, at most 2.5 %."""
    zeros = min(len(digits) - len(digits.rstrip("0")), 200)
    return min(0.5 * 10.0**zeros, 0.025 * min(float(digits), LARGEST))


def _currency(symbol: str | None, unit: str) -> str | None:
    if symbol:
        return SYMBOLS.get(symbol.strip(), symbol.strip())
    if unit in MINOR_UNITS:
        return MINOR_UNITS[unit]
    country, _, word = unit.rpartition(" ")
    if word == "dollars" and country in OF_COUNTRY:
        return OF_COUNTRY[country]
    return WORDS.get(word) or (unit.upper() if re.fullmatch(CODES, unit.upper()) else None)


def _kind(currency: str | None, unit: str) -> Kind:
    if currency:
        return Kind.MONEY
    if unit in {"x", "times", "fold"}:
        return Kind.MULTIPLE
    return Kind.PERCENT if unit else Kind.PLAIN


def _worded(item: Spelled) -> Numeral:
    kind = Kind(item.kind)
    return Numeral(item.text, item.value, item.tolerance, kind, item.signed, item.start, item.end, item.currency)


def _ranges(numerals: list[Numeral], text: str) -> list[Numeral]:
    """Apply the unit, scale or currency of one end of `2-4%` and `$1.2 to 1.4 billion` to both."""
    for index, (left, right) in enumerate(itertools.pairwise(list(numerals))):
        gap = text[left.end : right.start]
        apart = gap.strip() in {"and", "or"} and not _ends_with(EITHER, text, left.start)
        unlike = left.kind is not right.kind and Kind.PLAIN not in {left.kind, right.kind}  # `by 10% to $5 million`
        if not JOINED.fullmatch(gap) or apart or unlike:
            continue
        if left.kind is Kind.PLAIN and right.kind is not Kind.PLAIN:
            numerals[index] = replace(left, kind=right.kind, currency=right.currency)
        if right.kind is Kind.PLAIN and left.kind is Kind.MONEY:
            numerals[index + 1] = replace(right, kind=Kind.MONEY, currency=left.currency)
        numerals[index] = _scaled_like(numerals[index], numerals[index + 1])
    return numerals


def _scaled_like(left: Numeral, right: Numeral) -> Numeral:
    """Return the left end with the scale of the right end, if it has none of its own."""
    own, other = re.search(r"[A-Za-z]+", left.text), re.search(r"(?<=[\d ])(?:[a-z]+|[KMBT])\b", right.text)
    scale = SCALES.get(other[0].lower(), 1.0) if other else 1.0
    if own or scale == 1.0:
        return left
    return replace(left, value=left.value * scale, tolerance=left.tolerance * scale)

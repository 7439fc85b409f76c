"""Reads the numbers out of prose: sign, currency, grouping, scale word, percent and multiple, at the precision written.

Pure. What is no claim about the company (52-week, 10-K, S&P 500, list numbers) is not read as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a numeral claims to be, by the signs around it."""

    MONEY = "money"
    PERCENT = "percent"
    MULTIPLE = "multiple"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Numeral:
    """One number of a text: `tolerance` is half a unit of its last written digit; `signed` if a sign was written."""

    text: str
    value: float
    tolerance: float
    kind: Kind
    signed: bool
    start: int
    end: int


SCALES = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
    "t": 1e12,
    "tn": 1e12,
    "trillion": 1e12,
}

NUMERAL = re.compile(
    r"""
    (?<![\w.,])(?<![A-Za-z][-\u2212])
    (?P<sign>[-+\u2212](?=[\d.$€£¥]|US\$))?
    (?P<currency>US\$|[$€£¥]|\b[A-Z]{3}\s(?=[\d-]))?
    (?P<inner>[-\u2212])?
    (?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
    (?:[ -]?(?P<scale>thousand|million|billion|trillion|bn|mn|tn|[KkMBbT](?![\w])))?
    (?:\s?(?P<unit>%|per\ ?cent\b|pct\b|bps\b|basis\ points\b|x\b|times\b|dollars\b|USD\b|EUR\b|GBP\b))?
    """,
    re.VERBOSE,
)

# Numbers that are names: filings, indices, look-back windows, quarters; and the numbers of a list.
NAMES = re.compile(
    r"\b(?:52[- ]week|12[- ]month|10-[KQ]|20-F|8-K|S&P 500|Russell [123]000|Nasdaq[- ]100|FTSE 100)\b"
    r"|^\s*\d{1,2}[.)](?=\s)",
    re.IGNORECASE | re.MULTILINE,
)


def read(text: str) -> list[Numeral]:
    """All numerals of `text` in order, names left out."""
    names = [match.span() for match in NAMES.finditer(text)]
    found = [match for match in NUMERAL.finditer(text) if not _inside(match.span("digits"), names)]
    return [_numeral(match) for match in found]


def _inside(span: tuple[int, int], names: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in names)


def _numeral(match: re.Match[str]) -> Numeral:
    digits = match["digits"].replace(",", "")
    scale = SCALES.get((match["scale"] or "").lower(), 1.0) * _unit_factor(match["unit"])
    decimals = len(digits.partition(".")[2])
    negative = (match["sign"] or "") in {"-", "\u2212"} or match["inner"] is not None
    return Numeral(
        text=match[0].strip(),
        value=float(digits) * scale * (-1 if negative else 1),
        tolerance=0.5 * 10.0**-decimals * scale,
        kind=_kind(match["currency"], match["unit"]),
        signed=negative or match["sign"] is not None,
        start=match.start(),
        end=match.end(),
    )


def _unit_factor(unit: str | None) -> float:
    return 0.01 if unit in {"bps", "basis points"} else 1.0


def _kind(currency: str | None, unit: str | None) -> Kind:
    if currency or unit in {"dollars", "USD", "EUR", "GBP"}:
        return Kind.MONEY
    if unit in {"x", "times"}:
        return Kind.MULTIPLE
    return Kind.PERCENT if unit else Kind.PLAIN
